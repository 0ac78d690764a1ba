import { gunzipSync } from 'node:zlib';
import { Opener, PostgresKeyStore, Protections } from '@millrace/curation-worker/simulation';
import { DeltaTable, openDuck } from '@millrace/lakehouse';
import { systemClock, systemRandom } from '@millrace/observability';
import { createPool, type Pool } from '@millrace/postgres';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { CATALOG_PREFIX, type Catalog, FATES_TABLE } from '@millrace/topics';
import type { Checker } from '../checker/checker';
import { foldShipments, SHIPMENT_MARTS, type ShipmentEvent } from '../checker/shipment-fold';
import { keyOfLine, rawLinesOf } from './raw-line';
import {
  contentHash,
  EVENTS,
  eventHash,
  isToken,
  NOTE_TYPE,
  noteKey,
  sha,
  shipmentKey,
  SHIPMENTS,
  withoutPersonal,
} from './shipment-item';
import { shipmentColumns, shipmentOfRow } from './typed-row';

export interface ObserveOptions {
  readonly lakeDir: string;
  readonly masterKeyFile: string;
  /** Of the superuser, to read every schema. */
  readonly databaseUrl: string;
  readonly conservation: readonly Readonly<Record<string, unknown>>[];
  /** What was sent under a key, for those that are shipments. */
  readonly shipments: ReadonlyMap<string, ShipmentEvent>;
  readonly hashes: ReadonlyMap<string, string>;
}

type Rows = Record<string, unknown>[];
const place = (part: unknown, line: unknown): string => `${String(part)} ${String(line)}`;

/** Reads everything straight from files and tables, past the services, and tells the checker. */
export async function observe(checker: Checker, options: ObserveOptions): Promise<void> {
  const storage = createFilesystemStorage({ root: options.lakeDir });
  const duck = await openDuck({ memoryLimitMb: 512 });
  const pool = createPool({ url: options.databaseUrl, applicationName: 'chaos', max: 1 });
  try {
    let newest = '';
    for await (const { path } of storage.list(CATALOG_PREFIX)) newest = path;
    const catalog = JSON.parse((await storage.get(newest)).toString('utf8')) as Catalog;
    checker.catalog(catalog.number);
    const rows = async (id: string, select: string): Promise<Rows> => {
      const entry = catalog.tables[id];
      if (!entry) return [];
      const table = await DeltaTable.open(storage, entry.root, { duck });
      return duck.query(`SELECT ${select} FROM (${await table.scanSql(await table.at({ version: entry.version }))})`);
    };
    const parts = await observeBatches(checker, pool);
    const fates = new Map<string, string>();
    for (const row of await rows(FATES_TABLE, 'fate, _raw_part, _raw_line')) {
      // What waited has another fate by now, or none, which is found.
      if (row['fate'] === 'waiting') continue;
      const at = place(row['_raw_part'], row['_raw_line']);
      // A line with two fates has one too many: the second counts as a landing, and is found.
      if (fates.has(at)) checker.fate(`two fates at ${at}`, 'duplicate');
      fates.set(at, String(row['fate']));
    }
    const opener = openerOf(storage, pool, options.masterKeyFile);
    const lines = new Map<string, ObservedLine>();
    for (const part of parts) collectRaw(lines, part, await opened(opener, gunzipSync(await storage.get(part))));
    observeRaw(checker, lines, fates);
    for (const at of fates.keys()) checker.fate(`no line at ${at}`, 'duplicate');
    await observeQuarantine(checker, pool, opener);
    await observeTables(checker, rows, options);
    await observeMarts(checker, rows, options);
    for (const row of options.conservation) checker.conservation(conservationOf(row));
  } finally {
    await pool.end();
    await duck.close();
  }
}

/** Raw parts that manifests name. */
async function observeBatches(checker: Checker, pool: Pool): Promise<string[]> {
  const { rows } = await pool.query(
    'SELECT number, batch_id, landed, duplicate, quarantined, message FROM curation_worker.manifest ORDER BY number',
  );
  const parts: string[] = [];
  for (const row of rows as Rows) {
    const [number, batchId] = [Number(row['number']), Number(row['batch_id'])];
    const counts = { landed: Number(row['landed']), duplicate: Number(row['duplicate']) };
    checker.batch({ number, batchId, ...counts, quarantined: Number(row['quarantined']) });
    const { files } = row['message'] as { files: { kind: string; path: string }[] };
    parts.push(...files.filter(({ kind }) => kind === 'raw').map(({ path }) => path));
  }
  return parts;
}

interface ObservedLine {
  readonly key: string;
  readonly bytes: string;
  readonly replaces: string | null;
}

function collectRaw(lines: Map<string, ObservedLine>, part: string, bytes: Buffer): void {
  let line = 0;
  for (const { item, format, replaces } of rawLinesOf(bytes)) {
    const replaced = replaces ? place(replaces.part, replaces.line) : null;
    lines.set(place(part, ++line), { key: keyOfLine(item, format), bytes: sha(item), replaces: replaced });
  }
}

function observeRaw(checker: Checker, lines: ReadonlyMap<string, ObservedLine>, fates: Map<string, string>): void {
  const replaced = new Set([...lines.values()].map(({ replaces }) => replaces));
  for (const [at, { key, bytes }] of lines) {
    const fate = fates.get(at);
    fates.delete(at);
    if (replaced.has(at)) continue;
    checker.raw({ key, bytes });
    // What is in quarantine is told by the quarantine itself.
    if (fate !== 'quarantined') checker.fate(key, fate === undefined ? 'landed' : 'duplicate');
  }
}

async function observeQuarantine(checker: Checker, pool: Pool, opener: Opener): Promise<void> {
  const { rows } = await pool.query(
    `SELECT raw, headers, sealed_by AS "sealedBy" FROM curation_worker.quarantine WHERE status = 'open'`,
  );
  for (const item of await opener.items(rows as Parameters<Opener['items']>[0])) {
    if (!item.ok) throw new Error(`a quarantined item is ${item.why}`);
    checker.fate(keyOfLine(item.raw, item.headers.format), 'quarantined');
  }
}

function openerOf(storage: Storage, pool: Pool, masterKeyFile: string): Opener {
  const keys = new PostgresKeyStore(pool);
  const master = createFileMasterKeys(masterKeyFile, systemRandom);
  const deps = { storage, keys, master, clock: systemClock, random: systemRandom, dailyKeepDays: 30 };
  return new Opener(new Protections(deps), keys);
}

/** A raw part as it was before its lines were sealed. */
async function opened(opener: Opener, part: Buffer): Promise<Buffer> {
  const lines = await opener.lines(part.toString('utf8').trimEnd().split('\n'));
  for (const line of lines) if (typeof line !== 'string') throw new Error(`a raw line is ${line.why}`);
  return Buffer.from(lines.map((line) => `${line as string}\n`).join(''));
}

async function observeTables(
  checker: Checker,
  rows: (id: string, select: string) => Promise<Rows>,
  { shipments, hashes }: ObserveOptions,
): Promise<void> {
  for (const row of await rows(EVENTS, 'event_id, source, event_type, epoch_ms(event_time) AS at, payload')) {
    const payload = JSON.parse(String(row['payload'])) as Record<string, unknown>;
    const type = String(row['event_type']);
    if (type === NOTE_TYPE) {
      const key = noteKey(String(payload['note']));
      // Its time is that of its receipt.
      checker.row(EVENTS, { key, hash: contentHash([type, payload]) });
      continue;
    }
    const key = shipmentKey(String(row['source']), String(row['event_id']));
    const said = withoutPersonal(payload, isToken);
    checker.row(EVENTS, { key, hash: eventHash(type, Number(row['at']), said) });
  }
  for (const row of await rows(SHIPMENTS, shipmentColumns)) {
    const found = shipmentOfRow(row);
    const key = shipmentKey(found.source, found.eventId);
    const same = JSON.stringify(found) === JSON.stringify(shipments.get(key));
    checker.row(SHIPMENTS, { key, hash: same ? (hashes.get(key) ?? '') : `typed ${JSON.stringify(found)}` });
  }
}

async function observeMarts(
  checker: Checker,
  rows: (id: string, select: string) => Promise<Rows>,
  { shipments }: ObserveOptions,
): Promise<void> {
  const events = [...checker.landedKeys()].flatMap((key) => shipments.get(key) ?? []);
  const folded = foldShipments(events);
  for (const [name, { id, key, columns }] of Object.entries(SHIPMENT_MARTS)) {
    const select = [...key, ...columns].map(asJson).join(', ');
    const actual = (await rows(id, select)).map(plain);
    checker.mart({ name: id, key, columns, actual, expected: folded[name as keyof typeof folded] });
  }
}

const TIMES = new Set(['planned_pickup', 'eta', 'picked_up_at', 'delivered_at']);
const asJson = (column: string): string =>
  TIMES.has(column)
    ? `epoch_ms(${column}) AS ${column}`
    : column === 'service_date'
      ? `service_date::text AS service_date`
      : column;

/** Integers of DuckDB as numbers. */
const plain = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );

const conservationOf = (row: Readonly<Record<string, unknown>>): Parameters<Checker['conservation']>[0] => ({
  group: `${String(row['source'])} ${String(row['hour'])}`,
  received: Number(row['received']),
  landed: Number(row['landed']),
  duplicate: Number(row['duplicate']),
  quarantined: Number(row['quarantined']),
  pending: Number(row['pending']),
});
