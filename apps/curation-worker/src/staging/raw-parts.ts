import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { StagedFile } from '@millrace/topics';
import type { Storage } from '@millrace/storage';
import type { Received } from '../pipeline/received';
import type { Validated } from '../pipeline/validate';
import { OTHER_TYPES, rawPartPath, UNREADABLE_TYPE } from './paths';
import { ByteBuilder } from './byte-builder';
import { addRawLine, rawLineHead } from './raw-line';

/** Raw parts of one batch, at most: each costs a file and two syncs, and an item chooses its own event type. */
export const RAW_PARTS_MAX = 24;

/** Level 1: 0.21 CPU-s per 100,000 events; level 6 takes 0.55 for files a fifth smaller. */
const GZIP_LEVEL = 1;

/** Output is handed back in pieces of this size, each a turn of the event loop; the default of 16 KiB makes many. */
const GZIP_CHUNK_BYTES = 512 * 1024;

const compress = promisify(gzip);

/** Bytes of a line beside its item, to begin with. */
const LINE_BYTES = 220;

export interface RawPart {
  readonly path: string;
  readonly eventType: string;
  /** Of the batch's items, those in this part, in order; line n holds the n-th. */
  readonly items: readonly number[];
}

/** Where each item of a batch is in the raw zone. */
export interface RawPlaces {
  readonly parts: readonly RawPart[];
  /** Part of each item, as an index into `parts`. */
  readonly partOf: Uint16Array;
  /** Line of each item within its part, from 1. */
  readonly lineOf: Int32Array;
}

/** Assigns the items to parts by event type and accept date; the rarest types share one part beyond the limit. */
export function placeRaw(validated: readonly Validated[], batchId: number, epoch: number, partsMax = RAW_PARTS_MAX): RawPlaces {
  const groups = new Map<string, Map<string, number[]>>();
  validated.forEach((event, i) => {
    const type = (event.ok ? event.envelope.eventType : event.eventType) ?? UNREADABLE_TYPE;
    const { date } = event.received.origin;
    let dates = groups.get(type);
    if (!dates) groups.set(type, (dates = new Map()));
    const items = dates.get(date);
    if (items) items.push(i);
    else dates.set(date, [i]);
  });
  const found = [...groups].flatMap(([eventType, dates]) => [...dates].map(([date, items]) => ({ eventType, date, items })));
  if (found.length > partsMax) mergeRarest(found, partsMax);

  const partOf = new Uint16Array(validated.length);
  const lineOf = new Int32Array(validated.length);
  const parts = found.map(({ eventType, date, items }, part): RawPart => {
    items.forEach((item, line) => {
      partOf[item] = part;
      lineOf[item] = line + 1;
    });
    return { path: rawPartPath(eventType, date, batchId, epoch), eventType, items };
  });
  return { parts, partOf, lineOf };
}

/** Leaves at most `partsMax` groups; those put together keep the accept date of their newest item. */
function mergeRarest(found: { eventType: string; date: string; items: number[] }[], partsMax: number): void {
  found.sort((a, b) => b.items.length - a.items.length);
  const rarest = found.splice(partsMax - 1);
  const items = rarest.flatMap((group) => group.items).sort((a, b) => a - b);
  const date = rarest.reduce((newest, group) => (group.date > newest ? group.date : newest), '');
  found.push({ eventType: OTHER_TYPES, date, items });
}

/** Formats whose readable items are JSON texts; the data of the others may be anything. */
const JSON_FORMATS: ReadonlySet<string> = new Set(['event', 'events-api']);

/** Compresses and stores one part: durable and visible when it resolves. Rejects with a StorageError. */
export async function writeRawPart(storage: Storage, part: RawPart, validated: readonly Validated[]): Promise<StagedFile> {
  const heads = new Map<Received['origin'], Buffer>();
  const lines = new ByteBuilder(part.items.reduce((sum, i) => sum + validated[i].received.value.length + LINE_BYTES, 0));
  for (const i of part.items) {
    const event = validated[i];
    const { received } = event;
    let head = heads.get(received.origin);
    if (!head) heads.set(received.origin, (head = rawLineHead(received.origin)));
    const read = event.ok || event.contract !== null;
    const isJson = read && JSON_FORMATS.has(received.origin.headers.format) ? true : parses(received.value);
    addRawLine(lines, head, received, isJson);
  }
  const bytes = await compress(lines.done(), { level: GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
  await storage.createIfAbsent(part.path, bytes);
  return { kind: 'raw', table: part.eventType, path: part.path, rows: part.items.length, bytes: bytes.length };
}

/** For the few items that are refused or come in a format of their own. */
function parses(value: Buffer): boolean {
  // Reading as UTF-8 would replace what is none, and make JSON of what is not.
  if (!isUtf8(value)) return false;
  try {
    JSON.parse(value.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
