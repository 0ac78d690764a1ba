import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  type CompiledContract,
  compile,
  contractIndexPath,
  contractVersionPath,
  encodeContractIndex,
  readCatalogDir,
} from '@millrace/contracts';
import { decode } from '@millrace/envelope';
import { DeltaTable, type Duck, quoteIdentifier } from '@millrace/lakehouse';
import { DUCKDB_MACROS, knownAnswers, MARTS, martSql } from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import {
  type Catalog,
  catalogPath,
  EVENTS_COLUMNS,
  FATES_COLUMNS,
  LINEAGE_COLUMNS,
  tableRoot,
  TYPED_KEY_COLUMNS,
} from '@millrace/topics';

const DATA = path.resolve(__dirname, '../../../../demo/shipments');
const text = (file: string): string => readFileSync(path.join(DATA, 'expected', `${file}.json`), 'utf8');

export const ANSWERS = knownAnswers({
  manifest: text('manifest'),
  day_carrier: text('day_carrier'),
  day: text('day'),
  carrier: text('carrier'),
  origin_dest: text('origin_dest'),
});

export const TYPED_TABLE = 'clean.shipment_events';
export const LINE_ID = '0190aaaa-0000-7000-8000-000000000001';
export const BATCH_ID = 77;
const INGESTED = '2026-03-01T11:59:59.500Z';

export interface JudgedLine {
  readonly eventId: string | null;
  readonly fate: 'landed' | 'duplicate' | 'quarantined';
}

interface Row extends JudgedLine {
  readonly json: Readonly<Record<string, unknown>>;
}

/** The bundled data set in the tables of a lake, as one landed batch, with its marts; the catalog's first version. */
export async function shipmentsLake(
  storage: Storage,
  duck: Duck,
): Promise<{ lines: readonly JudgedLine[]; catalog: Catalog }> {
  const bundled = readCatalogDir()[0];
  const contract = compile(bundled.contract);
  await storage.put(contractVersionPath(contract.name, contract.version), Buffer.from(bundled.yaml));
  await storage.createIfAbsent(contractIndexPath(1), encodeContractIndex(1, [contract]));
  const rows = judge(contract);
  await load(
    duck,
    'landed',
    rows.filter(({ fate }) => fate === 'landed'),
  );
  await load(
    duck,
    'others',
    rows.filter(({ fate }) => fate !== 'landed'),
  );

  const tables: Record<string, { root: string; version: number; builtTo?: number }> = {};
  const create = async (
    id: string,
    columns: readonly { name: string; type: string }[],
    partition: string,
    sql: string,
  ): Promise<void> => {
    const table = await DeltaTable.create(storage, tableRoot(id), { duck, schema: columns, partitionBy: [partition] });
    await table.append(sql);
    tables[id] = { root: table.root, version: table.version, ...(id.startsWith('mart.') && { builtTo: 1 }) };
  };
  await create('clean.events', EVENTS_COLUMNS, 'event_date', selectOf(EVENTS_COLUMNS, 'landed'));
  await create('ops.fates', FATES_COLUMNS, 'ingest_date', selectOf(FATES_COLUMNS, 'others'));
  const own = contract.columns.map(({ name, type }) => ({ name, type }));
  const typed = [...TYPED_KEY_COLUMNS, ...own, ...LINEAGE_COLUMNS, { name: 'event_date', type: 'date' }];
  const shared = typed.filter(({ name }) => !own.some((column) => column.name === name));
  const select = [...shared.map((column) => cast(column)), ...contract.typedSelect].join(', ');
  const parsed = contract.typedRows(`(SELECT row, row->>'payload' AS payload FROM landed)`);
  await create(TYPED_TABLE, typed, 'event_date', `SELECT ${select} FROM (${parsed})`);
  for (const macro of DUCKDB_MACROS) await duck.query(macro.replace('TEMP MACRO', 'MACRO'));
  for (const mart of MARTS) {
    const source = await DeltaTable.open(storage, tableRoot(TYPED_TABLE), { duck });
    const sql = martSql(mart, { sources: { [TYPED_TABLE]: `(${await source.scanSql()})` } });
    await create(mart.id, mart.columns, mart.partitionColumn, sql);
  }
  const catalog: Catalog = { version: 1, lineId: LINE_ID, number: 1, at: INGESTED, tables };
  await storage.createIfAbsent(catalogPath(1), Buffer.from(JSON.stringify(catalog)));
  return { lines: rows, catalog };
}

/** Decodes, validates and dedupes by event id, in the order of the lines. */
function judge(contract: CompiledContract): Row[] {
  const headers = { format: 'event', tenant: 'default', source: 'http', at: INGESTED } as const;
  const seen = new Set<string>();
  const bytes = gunzipSync(readFileSync(path.join(DATA, 'events.jsonl.gz')));
  return bytes
    .toString('latin1')
    .split('\n')
    .slice(0, -1)
    .map((line, i): Row => {
      const decoded = decode(Buffer.from(line, 'latin1'), headers, { contractFor: () => contract });
      const place = { _batch_id: BATCH_ID, _raw_line: i + 1, _raw_part: 'raw/part-77-1.jsonl.gz', _source: 'http' };
      const common = {
        ...place,
        ingest_time: INGESTED,
        ingest_date: INGESTED.slice(0, 10),
        _loaded_at: INGESTED,
        tenant_id: 'default',
      };
      if (!decoded.ok) {
        const { eventId } = decoded;
        return {
          eventId,
          fate: 'quarantined',
          json: { ...common, event_id: eventId, fate: 'quarantined', reason: 'undecodable', rule: 'r', path: '$' },
        };
      }
      const { envelope } = decoded;
      const known = {
        ...common,
        event_id: envelope.eventId,
        event_type: envelope.eventType,
        source: envelope.source,
        _contract_version: 'shipment_status_changed@1.0.0',
      };
      const [violation] = contract.validate(envelope.payload, envelope);
      if (violation) {
        const { reason, rule, path: at } = violation;
        return {
          eventId: envelope.eventId,
          fate: 'quarantined',
          json: { ...known, fate: 'quarantined', reason, rule, path: at },
        };
      }
      const key = `${envelope.source} ${envelope.eventId}`;
      if (seen.has(key)) {
        const duplicate = { fate: 'duplicate', dedupe_key: 'k', duplicate_of_batch: BATCH_ID, content_differs: false };
        return { eventId: envelope.eventId, fate: 'duplicate', json: { ...known, ...duplicate } };
      }
      seen.add(key);
      const event = {
        event_time: envelope.eventTime,
        event_date: envelope.eventTime.slice(0, 10),
        payload: envelope.payloadJson,
        dedupe_key: 'k',
      };
      return { eventId: envelope.eventId, fate: 'landed', json: { ...known, ...event, event_version: 1 } };
    });
}

async function load(duck: Duck, table: string, rows: readonly Row[]): Promise<void> {
  await duck.query(`CREATE TABLE ${table} (row JSON)`);
  for (let from = 0; from < rows.length; from += 5_000) {
    const some = rows.slice(from, from + 5_000).map(({ json }) => json);
    await duck.query(`INSERT INTO ${table} SELECT unnest(CAST($1 AS JSON[]))`, [JSON.stringify(some)]);
  }
}

const DUCK_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMPTZ',
  long: 'BIGINT',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  date: 'DATE',
};

const cast = ({ name, type }: { name: string; type: string }): string =>
  `CAST(row->>'${name}' AS ${DUCK_TYPES[type]}) AS ${quoteIdentifier(name)}`;

const selectOf = (columns: readonly { name: string; type: string }[], table: string): string =>
  `SELECT ${columns.map(cast).join(', ')} FROM ${table}`;
