import { conservation } from '@millrace/analytics-api/simulation';
import {
  lateOf,
  Opener,
  type OracleEvent,
  type OracleWindow,
  Protections,
  windowsOf,
} from '@millrace/curation-worker/simulation';
import { DeltaTable, type Duck } from '@millrace/lakehouse';
import type { JsonRow } from '@millrace/lakehouse/memory';
import { MARTS } from '@millrace/marts';
import { type BatchStaged, CATALOG_PREFIX, type Catalog, EVENTS_TABLE, FATES_TABLE, TOPICS } from '@millrace/topics';
import type { Checker } from '../checker/checker';
import type { Cells } from '../checker/observations';
import { SHIPMENT_MARTS } from '../checker/shipment-fold';
import type { Clients } from './clients';
import { jsonEngine, martCells, shipmentOf, tableRows } from './lake';
import { INFERRED_TABLES, keyIn, SHIPMENTS_TABLE } from './requests';
import type { Shared } from './shared';
import { TENANT } from './webhooks';
import { EPOCH_MS } from './world';

const PAYLOAD = [
  ...['shipment_id', 'status', 'service_date', 'carrier_code', 'facility_id', 'lane', 'distance_miles'],
  ...['planned_pickup', 'eta'],
] as const;

export async function newestCatalog({ storage }: Pick<Shared, 'storage'>): Promise<Catalog | null> {
  let newest: string | null = null;
  for await (const { path } of storage.list(CATALOG_PREFIX)) newest = path;
  return newest === null ? null : (JSON.parse((await storage.get(newest)).toString('utf8')) as Catalog);
}

/** A table's rows as a reader of the catalog sees them. */
export async function readTable(
  { storage }: Pick<Shared, 'storage'>,
  catalog: Catalog,
  id: string,
): Promise<JsonRow[]> {
  const entry = catalog.tables[id];
  if (!entry) return [];
  const table = await DeltaTable.open(storage, entry.root, {
    duck: null as unknown as Duck,
    rows: jsonEngine(storage),
    checkpointInterval: 0,
  });
  return tableRows(storage, table, await table.at({ version: entry.version }));
}

interface RawLines {
  /** Whose each line is, by where it is. */
  readonly keys: ReadonlyMap<string, string>;
  /** The line that a mended version was made of, or that is stored again under another key. */
  readonly originals: ReadonlyMap<string, string>;
}

async function readRaw(shared: Shared, checker: Checker): Promise<RawLines> {
  const keys = new Map<string, string>();
  const originals = new Map<string, string>();
  // Lines that are the same items under other keys.
  const again = new Set<string>();
  const found = new Map<string, { key: string; bytes: string }>();
  const clock = { now: () => EPOCH_MS + shared.world.nowMs };
  const { storage, master, subjectKeys, world } = shared;
  const protections = new Protections({
    ...{ storage, master, clock, keys: subjectKeys, dailyKeepDays: 30 },
    random: { bytes: (n) => Buffer.alloc(n, world.nowMs & 0xff) },
  });
  const opener = new Opener(protections, subjectKeys);
  for (const { message } of shared.landing.state.manifests.values()) {
    for (const file of (message as BatchStaged).files) {
      if (file.kind !== 'raw') continue;
      const lines = (await shared.storage.get(file.path)).toString('utf8').trimEnd().split('\n');
      (await opener.lines(lines)).forEach((line, i) => {
        if (typeof line !== 'string') throw new Error(`a raw line is ${line.why}`);
        const bytes = bytesOf(line);
        const key = keyIn(bytes) ?? `unreadable ${file.path}:${i + 1}`;
        const at = `${file.path}:${i + 1}`;
        keys.set(at, key);
        found.set(at, { key, bytes });
        const stands = STANDS_FOR.exec(line);
        if (stands) originals.set(at, `${stands[2]}:${stands[3]}`);
        if (stands?.[1] === 'replaces') again.add(at);
      });
    }
  }
  for (const [at, { key, bytes }] of found) {
    const original = originals.get(at);
    if (original === undefined) checker.raw({ key, bytes });
    else if (again.has(at) && found.get(original)?.bytes !== bytes) throw new Error(`${at} is not what ${original} is`);
  }
  return { keys, originals };
}

/** The line that a raw line mends or replaces, out of its head. */
const STANDS_FOR = /^\{[^\n]*?"(mends|replaces)":\{"part":"([^"\\]+)","line":(\d+)[,}]/;

/** The item's exact bytes out of a raw line, as text. */
function bytesOf(line: string): string {
  const body = line.indexOf('"body":');
  if (body >= 0) return line.slice(body + 7, -1);
  const { text, base64 } = JSON.parse(line) as { text?: string; base64?: string };
  return text ?? Buffer.from(base64 ?? '', 'base64').toString('latin1');
}

const lineOf = (row: JsonRow): string => `${row['_raw_part']}:${row['_raw_line']}`;

/** What did not land, by its last fate: a replay, or another try, may decide otherwise than the batch before. */
function lastFates(
  shared: Shared,
  rows: readonly JsonRow[],
  landedLines: ReadonlySet<string>,
  originalOf: (row: JsonRow) => string,
): JsonRow[] {
  const { manifests } = shared.landing.state;
  const numberOf = (row: JsonRow): number => manifests.get(Number(row['_batch_id']))?.number ?? 0;
  const last = new Map<string, JsonRow>();
  for (const row of rows) {
    const known = last.get(originalOf(row));
    if (known && row['fate'] === 'duplicate' && known['fate'] === 'duplicate')
      throw new Error(`two batches call ${originalOf(row)} a duplicate`);
    if (!known || numberOf(row) > numberOf(known)) last.set(originalOf(row), row);
  }
  return [...last.values()].filter((row) => row['fate'] === 'duplicate' || !landedLines.has(originalOf(row)));
}

/** Reads everything back once nothing is under way, as users would, and gives it to the checker. */
export async function observe(shared: Shared, clients: Clients, checker: Checker): Promise<void> {
  for (const entry of clients.history) checker.history(entry);
  const { keys, originals } = await readRaw(shared, checker);
  const originalOf = (row: JsonRow): string => originals.get(lineOf(row)) ?? lineOf(row);
  const keyOf = (row: JsonRow): string => keys.get(lineOf(row)) ?? `no raw line of ${row['event_id']}`;
  const catalog = await newestCatalog(shared);
  checker.catalog(catalog?.number ?? 0);
  if (catalog) {
    const landedLines = new Set<string>();
    for (const row of await readTable(shared, catalog, EVENTS_TABLE)) {
      const key = keyOf(row);
      landedLines.add(originalOf(row));
      checker.row(EVENTS_TABLE, { key, hash: JSON.stringify(JSON.parse(String(row['payload']))) });
      checker.fate(key, 'landed');
    }
    for (const row of await readTable(shared, catalog, SHIPMENTS_TABLE)) {
      const said = { k: row['event_id'], ...Object.fromEntries(PAYLOAD.map((name) => [name, row[name]])) };
      checker.row(SHIPMENTS_TABLE, { key: keyOf(row), hash: JSON.stringify(said) });
    }
    for (const table of Object.values(INFERRED_TABLES))
      for (const row of await readTable(shared, catalog, table))
        checker.row(table, { key: keyOf(row), hash: JSON.stringify({ k: row['k'], n: row['n'] }) });
    for (const row of lastFates(shared, await readTable(shared, catalog, FATES_TABLE), landedLines, originalOf))
      checker.fate(keyOf(row), row['fate'] as 'duplicate' | 'quarantined', row['reason'] === 'dead_letter');
    await observeMarts(shared, clients, checker, catalog);
  }
  if (catalog) await observeTime(shared, checker, catalog);
  for (const { number, batchId, landed, duplicate, quarantined } of shared.landing.state.manifests.values())
    checker.batch({ number, batchId, landed, duplicate, quarantined });
  const { readModels, log } = shared;
  const ends = new Map(log.topic(TOPICS.eventsInbound.name).partitions.map(({ next }, i) => [String(i), next]));
  const answer = await conservation(
    {
      readModels,
      ends: async () => ends,
      topic: TOPICS.eventsInbound.name,
      sleep: async () => undefined,
      now: () => 0,
      waitMsMax: 0,
    },
    TENANT,
    null,
    null,
  );
  for (const { source, hour, ...row } of answer?.rows ?? [])
    checker.conservation({ group: `${source} ${hour}`, ...row });
  for (const fault of shared.faults.injected) checker.fault(fault);
}

async function observeMarts(shared: Shared, clients: Clients, checker: Checker, catalog: Catalog): Promise<void> {
  const events = [...checker.landedKeys()].flatMap((key) => {
    const row = clients.sent.get(key)?.shipment;
    return row ? [shipmentOf(row)] : [];
  });
  for (const mart of MARTS) {
    const shape = Object.values(SHIPMENT_MARTS).find(({ id }) => id === mart.id);
    if (!shape) throw new Error(`no fold makes ${mart.id}`);
    const { key, columns } = shape;
    const actual = await readTable(shared, catalog, mart.id);
    checker.mart({ name: mart.id, key, columns, expected: martCells(mart, events), actual });
  }
}

/** Allowed lateness of the bundled contract, and where there is none. */
const ALLOWED_SECONDS = { shipments: 72 * 3_600, others: 86_400 };

const WINDOW = { key: ['kind', 'startMs', 'eventType', 'facility'], columns: ['events', 'late', 'latenessSecondsMax'] };
const LATE = {
  key: ['day', 'source', 'contract'],
  columns: ['events', 'firstAcceptedMs', 'lastAcceptedMs', 'latenessSecondsMax'],
};

/** Windows, what was told of them, and the ledger of late data, beside one computation over the rows of the table. */
async function observeTime(shared: Shared, checker: Checker, catalog: Catalog): Promise<void> {
  const rows = await readTable(shared, catalog, EVENTS_TABLE);
  const events = rows.map((row): OracleEvent => {
    const isShipment = row['event_type'] === 'shipment.status.changed';
    const payload = JSON.parse(String(row['payload'])) as Record<string, unknown>;
    return {
      ...{ eventType: String(row['event_type']), source: String(row['source']) },
      facility: isShipment ? String(payload['facility_id']) : null,
      // Whether a contract had been inferred by then differs from event to event: each says what checked it.
      contract: row['_contract_version'] == null ? null : String(row['_contract_version']).split('@')[0],
      latenessSecondsAllowed: isShipment ? ALLOWED_SECONDS.shipments : ALLOWED_SECONDS.others,
      ...{ eventMs: Date.parse(String(row['event_time'])), ingestMs: Date.parse(String(row['ingest_time'])) },
    };
  });
  const expected = windowsOf(events).map(cellsOf);
  const { state } = shared.time;
  const actual = [...state.windows.values()].map((row) => ({
    ...row,
    eventType: nameIn(row.eventType),
    facility: nameIn(row.facility),
  }));
  checker.mart({ name: 'windows', ...WINDOW, expected, actual: actual.map(cellsOf) });
  checker.mart({ name: 'kpi.windows', ...WINDOW, expected, actual: toldWindows(shared).map(cellsOf) });
  const ledger = [...state.late.values()].map((row) => ({ ...row, source: nameIn(row.source) }));
  const late = lateOf(events);
  // One seed in a thousand draws nothing late.
  if (late.length === 0 && ledger.length === 0) return;
  checker.mart({ name: 'late data', ...LATE, expected: late.map((row) => ({ ...row })), actual: ledger });
}

/** Of each window the firing with the highest revision, from the topic. */
function toldWindows({ told }: Shared): OracleWindow[] {
  return [...told.values()].map(({ window: kind, start, key, events, late, latenessSecondsMax }) => ({
    ...{ kind, startMs: Date.parse(start), eventType: key.eventType ?? null, facility: key.facilityId },
    ...{ events, late, latenessSecondsMax },
  }));
}

const nameIn = (written: string): string | null => (written.startsWith('=') ? written.slice(1) : null);
const cellsOf = ({ eventType, facility, ...row }: OracleWindow): Cells => ({
  ...row,
  eventType: eventType ?? 'all',
  facility: facility ?? 'none',
});
