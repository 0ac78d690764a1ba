import { canonicalize } from '@millrace/envelope';
import { parse } from 'yaml';

/** Whether two contract texts say the same: as the same bytes, or as the same document written otherwise. */
export function sameDocument(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return canonicalize(documentOf(a)) === canonicalize(documentOf(b));
  } catch {
    return false;
  }
}

const documentOf = (text: string): unknown => parse(text, { version: '1.2', schema: 'core', maxAliasCount: 100 });
