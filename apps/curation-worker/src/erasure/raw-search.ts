import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Storage } from '@millrace/storage';
import { RAW_PREFIX } from '../staging/paths';

/** Text of one part, at most: as for whoever else reads raw parts. */
const PART_BYTES_MAX = 512 << 20;
const LINE_FEED = 10;

const gunzipped = promisify(gunzip);

export interface RawPartFile {
  readonly path: string;
  readonly bytes: number;
}

/** Every raw part there is, also what crashed landings left, in the order of the paths. */
export async function* rawParts(storage: Pick<Storage, 'list'>, after: string | null): AsyncGenerator<RawPartFile> {
  const options = after === null ? undefined : { startAfter: after };
  for await (const { path, bytes } of storage.list(RAW_PREFIX, options))
    if (path.endsWith('.jsonl.gz')) yield { path, bytes };
}

/** The lines of a part that are sealed under one of the keys. */
export async function linesUnder(
  storage: Pick<Storage, 'get'>,
  path: string,
  keys: readonly string[],
): Promise<string[]> {
  const text = await gunzipped(await storage.get(path), { maxOutputLength: PART_BYTES_MAX });
  const lines: string[] = [];
  for (const key of keys) {
    const member = `","key":"${key}","sealed":"`;
    for (let at = text.indexOf(member); at >= 0; at = text.indexOf(member, at + member.length)) {
      const end = text.indexOf(LINE_FEED, at);
      const line = text.toString('utf8', text.lastIndexOf(LINE_FEED, at) + 1, end < 0 ? text.length : end);
      // In an item in clear the same characters may stand anywhere.
      if (line.startsWith('{"at":"') && line.indexOf(member) + member.length < line.length) lines.push(line);
    }
  }
  return lines;
}
