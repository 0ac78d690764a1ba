import fs from 'node:fs';
import path from 'node:path';

const ROOT = process.env.MILLRACE_CORPORA ?? path.resolve(__dirname, '../../../../shared/corpora');

/** Where a corpus is, or null, with the reason printed, where this machine has none of that name. */
export function corpus(name: string): string | null {
  const dir = path.join(ROOT, name);
  if (fs.existsSync(dir)) return dir;
  process.stderr.write(`corpus ${name} is not at ${ROOT} (set MILLRACE_CORPORA): its tests are left out\n`);
  return null;
}
