import { isMap, isSeq, parseDocument } from 'yaml';
import type { Contract } from '../model';

/** The version under which a person takes responsibility for an inferred contract: its fields are as they were. */
export function adoptContract(contract: Contract, yaml: string): { readonly yaml: string; readonly version: string } {
  const document = parseDocument(yaml, { version: '1.2', schema: 'core' });
  const version = adoptedVersion(contract.version);
  document.set('version', version);
  document.set('status', 'active');
  const custom = document.get('customProperties');
  if (isSeq(custom))
    for (const item of custom.items)
      if (isMap(item) && item.get('property') === 'inferred') item.set('value', 'adopted');
  return { yaml: document.toString(), version };
}

/** The next whole version: 0.3.0 becomes 1.0.0. */
function adoptedVersion(version: string): string {
  const major = /^(\d+)\./.exec(version);
  return major ? `${Number(major[1]) + 1}.0.0` : `${version}.adopted`;
}
