import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { VersionIndex } from './index-of-versions';
import type { Attribute, Version } from './model';

/** First line of a history file. */
export interface HistoryHeader {
  readonly format: 1;
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly keyColumn: string;
  readonly attributes: readonly Attribute[];
}

/** A line: a key, then from and values of each of its versions. */
type Line = readonly [key: string, ...versions: (readonly [fromMs: number, values: string | null])[]];

const CHUNK_CHARS = 1 << 20;
/** Bytes of a history when it is unpacked. */
const UNPACKED_BYTES_MAX = 2 ** 31;
/** Lines between two turns of the event loop. */
const TURN_LINES = 5_000;

/**
 * The whole history of a dimension at one version: gzipped lines of JSON, the header first, a key a line. Written once
 * under a name of its own: whoever has read its entry can read it.
 */
export async function encodeHistory(
  header: HistoryHeader,
  entries: Iterable<readonly [key: string, versions: readonly Version[]]>,
): Promise<Buffer> {
  const pack = (text: string): Promise<Buffer> => promisify(gzip)(text, { level: 1 });
  // Gzip members one after the other are one gzip file (RFC 1952, section 2.2).
  const members: Buffer[] = [];
  let text = `${JSON.stringify(header)}\n`;
  for (const [key, versions] of entries) {
    const line: Line = [key, ...versions.map(({ fromMs, values }) => [fromMs, values] as const)];
    text += `${JSON.stringify(line)}\n`;
    if (text.length < CHUNK_CHARS) continue;
    members.push(await pack(text));
    text = '';
  }
  if (text !== '') members.push(await pack(text));
  return Buffer.concat(members);
}

/** @throws Error for bytes that are no history file */
export async function decodeHistory(bytes: Buffer): Promise<{ header: HistoryHeader; index: VersionIndex }> {
  const all = await promisify(gunzip)(bytes, { maxOutputLength: UNPACKED_BYTES_MAX });
  const builder = VersionIndex.builder();
  let header: HistoryHeader | null = null;
  let lines = 0;
  for (let at = 0; at < all.length;) {
    const end = all.indexOf(10, at);
    const line = JSON.parse(all.toString('utf8', at, end)) as HistoryHeader | Line;
    if (header === null) header = line as HistoryHeader;
    else {
      const [key, ...versions] = line as Line;
      builder.add(
        key,
        versions.map(([fromMs, values]) => ({ fromMs, values })),
      );
    }
    at = end + 1;
    if (++lines % TURN_LINES === 0) await nextTurn();
  }
  if (header?.format !== 1) throw new Error('this is no history file of a dimension');
  return { header, index: builder.done() };
}
