import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { StagedFile } from '@millrace/topics';
import type { Storage } from '@millrace/storage';
import type { Received } from '../pipeline/received';
import type { Validated } from '../pipeline/curate';
import type { RawGroups } from './raw-groups';
import { OTHER_TYPES, rawPartPath, UNREADABLE_TYPE } from './paths';
import { ByteBuilder, LentBuilders } from './byte-builder';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Random } from '@millrace/observability';
import { addRawLine, addSealedLine, rawLineHead } from './raw-line';

/** Raw parts of one batch, at most: each costs a file and two syncs, and an item chooses its own event type. */
export const RAW_PARTS_MAX = 24;

/** Level 1: 0.21 CPU-s per 100,000 events; level 6 takes 0.55 for files a fifth smaller. */
const GZIP_LEVEL = 1;

/** Output is handed back in pieces of this size, each a turn of the event loop; the default of 16 KiB makes many. */
const GZIP_CHUNK_BYTES = 512 * 1024;

/** What sealed lines shrink to, at most, and then come in one piece, which need not be put together. */
const SEALED_RATIO = 0.8;

/** Turns the text of a raw part into what is stored of it; `sealed` says that nearly all of it is base64 of random bytes. */
export type Compress = (text: Buffer, sealed: boolean) => Promise<Buffer>;

const gzipped = promisify(gzip);

/**
 * Raw parts as they are stored: gzip. In sealed lines nothing repeats, and to look for it costs 21 µs an event; that each
 * character of base64 holds six bits is found without, in 5 µs, and yields 0.76 of the size beside 0.72.
 */
export const gzipRaw: Compress = (text, sealed) =>
  gzipped(text, {
    level: GZIP_LEVEL,
    chunkSize: Math.max(GZIP_CHUNK_BYTES, sealed ? Math.ceil(text.length * SEALED_RATIO) : 0),
    strategy: sealed ? constants.Z_HUFFMAN_ONLY : constants.Z_DEFAULT_STRATEGY,
  });

/** Bytes of a line beside its item, to begin with. */
const LINE_BYTES = 220;
/** Of a sealed line, beside the base64 of the line. */
const SEALED_LINE_BYTES = 140;

export interface RawPart {
  readonly path: string;
  readonly eventType: string;
  /** Of the batch's items, those in this part; line n holds the n-th. */
  readonly items: readonly number[];
  /** An earlier batch wrote it, with these items in it. */
  readonly stored: boolean;
}

/** Where each group of a batch is in the raw zone, and with it each item. */
export interface RawPlaces {
  readonly parts: readonly RawPart[];
  /** By group: its part, and how many lines of other groups come before its own there. */
  readonly ofGroup: readonly { readonly part: number; readonly lineBase: number }[];
  /** Path of the part that an item is in. */
  pathOf(item: number): string;
  /** Line of an item in its part, from 1. */
  lineOf(item: number): number;
}

/** Gives each group a part of its own; beyond the limit the smallest share one, group after group. */
export function placeRaw(raw: RawGroups, batchId: number, epoch: number, partsMax = RAW_PARTS_MAX): RawPlaces {
  const order = raw.groups.flatMap(({ stored }, number) => (stored === null ? number : []));
  if (order.length > partsMax) order.sort((a, b) => raw.groups[b].items.length - raw.groups[a].items.length || a - b);
  const alone = order.length > partsMax ? order.slice(0, partsMax - 1) : order;
  const shared = order.slice(alone.length);
  const ofGroup = new Array<{ part: number; lineBase: number }>(raw.groups.length);

  const parts = alone.map((number, part): RawPart => {
    const { eventType, date, items } = raw.groups[number];
    ofGroup[number] = { part, lineBase: 0 };
    return {
      path: rawPartPath(eventType ?? UNREADABLE_TYPE, date, batchId, epoch),
      eventType: eventType ?? UNREADABLE_TYPE,
      items,
      stored: false,
    };
  });
  if (shared.length > 0) {
    const items: number[] = [];
    let newest = '';
    for (const number of shared) {
      const group = raw.groups[number];
      ofGroup[number] = { part: parts.length, lineBase: items.length };
      for (const item of group.items) items.push(item);
      if (group.date > newest) newest = group.date;
    }
    parts.push({
      path: rawPartPath(OTHER_TYPES, newest, batchId, epoch),
      eventType: OTHER_TYPES,
      items,
      stored: false,
    });
  }
  raw.groups.forEach(({ stored, eventType, items }, number) => {
    if (stored === null) return;
    ofGroup[number] = { part: parts.length, lineBase: 0 };
    parts.push({ path: stored, eventType: eventType ?? UNREADABLE_TYPE, items, stored: true });
  });
  return {
    parts,
    ofGroup,
    pathOf: (item) => parts[ofGroup[raw.groupOf[item]].part].path,
    lineOf: (item) => ofGroup[raw.groupOf[item]].lineBase + raw.lineOf[item],
  };
}

/** Formats whose readable items are JSON texts; the data of the others may be anything. */
const JSON_FORMATS: ReadonlySet<string> = new Set(['event', 'events-api']);

/** Texts of parts under way are some 12 MB each; landings are three at once. */
const memory = new LentBuilders(3, 32 << 20);

/** Lines sealed between two turns of the event loop: some 5 ms. */
const TURN_SEALS = 1_000;

/** Compresses and stores one part: durable and visible when it resolves. Rejects with a StorageError. */
export async function writeRawPart(
  storage: Storage,
  part: RawPart,
  validated: readonly Validated[],
  compress: Compress,
  random: Pick<Random, 'bytes'>,
): Promise<StagedFile> {
  const plain = new ByteBuilder(0);
  const scratch = new ByteBuilder(0);
  let sealed = 0;
  const heads = new Map<Received['origin'], Buffer>();
  const lines = memory.take(part.items.reduce((sum, i) => sum + lineBytes(validated[i]), 0));
  for (const i of part.items) {
    const event = validated[i];
    const { received } = event;
    const { mends, stored: replaces } = received;
    let head = mends || replaces ? rawLineHead(received.origin, { mends, replaces }) : heads.get(received.origin);
    if (!head) heads.set(received.origin, (head = rawLineHead(received.origin)));
    const read = event.ok || event.contract !== null;
    const isJson = read && JSON_FORMATS.has(received.origin.headers.format) ? true : parses(received.value);
    if (event.seal === null) addRawLine(lines, head, received, isJson);
    else {
      plain.clear();
      addRawLine(plain, head, received, isJson);
      addSealedLine(lines, plain.done(), received, event.seal, random, scratch);
      if (++sealed % TURN_SEALS === 0) await nextTurn();
    }
  }
  const bytes = await compress(lines.done(), sealed > part.items.length / 2);
  await storage.createIfAbsent(part.path, bytes);
  // Not after a failure: what failed may still be reading it.
  memory.giveBack(lines);
  return { kind: 'raw', table: part.eventType, path: part.path, rows: part.items.length, bytes: bytes.length };
}

function lineBytes({ received, seal }: Validated): number {
  const bytes = received.value.length + LINE_BYTES;
  return seal === null ? bytes : Math.ceil((bytes * 4) / 3) + SEALED_LINE_BYTES;
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
