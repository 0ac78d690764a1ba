import type { DeltaTable, RowEngine } from '@millrace/lakehouse';
import { createJsonRows, givenRows, type JsonRow, readJsonRows } from '@millrace/lakehouse/memory';
import { type Mart, MARTS, type MartDefinition } from '@millrace/marts';
import { type ObjectInfo, type Storage, StorageError } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { RowQuestions, TableAt } from '@millrace/table-manager/simulation';
import { foldShipments, SHIPMENT_MARTS, type ShipmentEvent } from '../checker/shipment-fold';
import type { SimProcess } from './process';

/** The storage that all services share. What is staged for other programs is named by its object's path. */
export function sharedStorage(now: () => number): Storage {
  const memory = createMemoryStorage({ now });
  return {
    ...memory,
    localPath: async (path) => {
      if (!(await memory.stat(path))) throw new StorageError('STORAGE_NOT_FOUND', path, `there is no ${path}`);
      return path;
    },
  };
}

/** The storage as one process reaches it. */
export function storageOf(process: SimProcess, storage: Storage): Storage {
  const errorOf = (): StorageError => new StorageError('STORAGE_UNAVAILABLE', '', 'the storage is away');
  const list = async function* (prefix: string, options?: { startAfter?: string }): AsyncGenerator<ObjectInfo> {
    await process.gate('storage', 'list', 'before', errorOf);
    yield* storage.list(prefix, options);
  };
  return process.over('storage', storage, errorOf, { list });
}

/** A shipment's row as the fold takes it. */
export function shipmentOf(row: JsonRow): ShipmentEvent {
  const text = (name: string): string => String(row[name]);
  return {
    tenantId: text('tenant_id'),
    eventId: text('event_id'),
    eventTimeMs: Date.parse(text('event_time')),
    source: text('source'),
    shipmentId: text('shipment_id'),
    status: text('status'),
    serviceDate: text('service_date'),
    carrierCode: text('carrier_code'),
    facilityId: text('facility_id'),
    lane: text('lane'),
    distanceMiles: Number(row['distance_miles']),
    plannedPickupMs: Date.parse(text('planned_pickup')),
    etaMs: Date.parse(text('eta')),
    driverId: row['driver_id'] == null ? null : text('driver_id'),
  };
}

/** The cells of a mart's partitions, by the fold. */
export function martCells(mart: Pick<MartDefinition, 'id'>, events: Iterable<ShipmentEvent>): JsonRow[] {
  const folded = foldShipments(events);
  for (const name of Object.keys(SHIPMENT_MARTS) as (keyof typeof SHIPMENT_MARTS)[])
    if (SHIPMENT_MARTS[name].id === mart.id) return folded[name];
  throw new Error(`no fold makes ${mart.id}`);
}

/**
 * Table-manager's questions, answered from rows of JSON. What the marts' SQL makes of rows is proved elsewhere; here it
 * is which rows a partition was built from.
 */
export function questionsOver(storage: Pick<Storage, 'get'>): RowQuestions {
  const rowsOf = async ({ table, snapshot }: TableAt): Promise<JsonRow[]> => tableRows(storage, table, snapshot);
  return {
    rowsByBatch: async (at, batchIds) => {
      const counts = new Map<number, number>();
      for (const row of await rowsOf(at)) {
        const id = Number(row['_batch_id']);
        if (batchIds.includes(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      return counts;
    },
    touched: async (mart, files) => {
      const found = new Set<string>();
      for (const file of files)
        for (const row of await readJsonRows(storage, file))
          if (row[mart.partitionExpression] != null) found.add(String(row[mart.partitionExpression]));
      return [...found];
    },
    // Dimensions are not simulated.
    using: async () => [],
    untyped: async (contract, events, batchIds, loadedAt) => {
      const rows = (await rowsOf(events)).filter(
        (row) =>
          contract.eventTypes.includes(String(row['event_type'])) &&
          row['_contract_version'] === null &&
          (batchIds === null || batchIds.includes(Number(row['_batch_id']))),
      );
      const typed = rows.map(({ payload, ...row }) => ({
        ...row,
        ...Object.fromEntries(contract.columns.map(({ name, path }) => [name, at(JSON.parse(String(payload)), path)])),
        _contract_version: `${contract.name}@${contract.version}`,
        _loaded_at: loadedAt,
      }));
      const partitionsOf = async (mart: Pick<Mart, 'partitionExpression'>): Promise<string[]> => [
        ...new Set(
          (typed as JsonRow[])
            .map((row) => row[mart.partitionExpression])
            .filter((value) => value != null)
            .map(String),
        ),
      ];
      return { source: givenRows(typed), rows: typed.length, partitionsOf };
    },
    mart: async (mart, partitions, sources) => {
      const wanted = new Set(partitions);
      const rows: JsonRow[] = [];
      for (const at of sources.values())
        for (const row of await rowsOf(at)) if (wanted.has(String(row[mart.partitionExpression]))) rows.push(row);
      return givenRows(martCells(mart, rows.map(shipmentOf)));
    },
  };
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((within, name) => (within as Record<string, unknown> | null)?.[name] ?? null, value);

export const jsonEngine = (storage: Pick<Storage, 'get'>): RowEngine => createJsonRows(storage);

export async function tableRows(
  storage: Pick<Storage, 'get'>,
  table: DeltaTable,
  snapshot: TableAt['snapshot'],
): Promise<JsonRow[]> {
  const rows: JsonRow[] = [];
  for (const file of snapshot.files.values())
    rows.push(...(await readJsonRows(storage, `${table.root}/${decodeURIComponent(file.path)}`)));
  return rows;
}

export const MART_IDS = MARTS.map(({ id }) => id);
