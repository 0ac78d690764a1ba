import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { contractIndexPath, contractVersionPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import { type Duck, quoteList } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import { type BatchStaged, type InboundHeaders, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import type { Opener } from '../privacy/opener';

export const MIGRATIONS = [
  { schema: 'log', dir: path.join(__dirname, '../../../../libs/messaging/src/postgres/migrations') },
  { schema: 'curation_worker', dir: path.join(__dirname, '../../prisma/migrations') },
];

/** The bundled contracts, or others, as index `index`. */
export async function publishContracts(storage: Storage, index = 1, contracts = readCatalogDir()): Promise<void> {
  for (const { contract, yaml } of contracts) {
    await storage.put(contractVersionPath(contract.name, contract.version), Buffer.from(yaml));
  }
  await storage.createIfAbsent(
    contractIndexPath(index),
    encodeContractIndex(
      index,
      contracts.map(({ contract }) => contract),
    ),
  );
}

const DEMO = path.join(__dirname, '../../../../demo/shipments');

/** The known answers of the bundled data set. */
export const SHIPMENTS = JSON.parse(readFileSync(path.join(DEMO, 'expected/manifest.json'), 'utf8')) as {
  readonly lines: number;
  readonly unique_valid_events: number;
  readonly duplicates: number;
  readonly quarantined: number;
};

/** Lines of the bundled data set, as bytes: some are no UTF-8. */
export function shipmentLines(): Buffer[] {
  const bytes = gunzipSync(readFileSync(path.join(DEMO, 'events.jsonl.gz')));
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(10, start);
    lines.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}

export interface AppendOptions {
  readonly appendItems?: number;
  readonly partitions?: number;
  readonly headers?: Partial<InboundHeaders>;
}

/** Appends items as the gateway does: batches with counts, over all partitions in turn. */
export async function appendItems(
  messaging: Messaging,
  items: readonly Buffer[],
  options: AppendOptions = {},
): Promise<void> {
  const { appendItems: size = 500, partitions = TOPICS.eventsInbound.partitions } = options;
  for (let i = 0, turn = 0; i < items.length; i += size, turn++) {
    const some = items.slice(i, i + size);
    const headers: InboundHeaders = {
      format: 'event',
      tenant: 'default',
      source: 'http',
      at: '2026-11-21T10:20:30.123Z',
      request: `r-${turn}`,
      ...options.headers,
    };
    const hour = `${headers.at.slice(0, 13)}:00:00.000Z`;
    await messaging.append(
      TOPICS.eventsInbound.name,
      {
        header: {
          appendId: v4(),
          counts: [{ tenant: headers.tenant, source: headers.source, hour, count: some.length }],
        },
        records: some.map((value) => ({ key: null, headers: headers as unknown as Record<string, string>, value })),
      },
      { partition: String(turn % partitions) },
    );
  }
}

export interface LandedBatch extends Omit<BatchStaged, 'number'> {
  readonly number: number;
}

/** Everything that landed, in the order of the number line. */
export async function landedBatches(pool: Pool): Promise<LandedBatch[]> {
  const { rows } = await pool.query('SELECT number, message FROM curation_worker.manifest ORDER BY number');
  return rows.map((row) => ({ ...row.message, number: Number(row.number) }));
}

export interface Books {
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

/** Sums of the batches' counts. */
export function booksOf(batches: readonly LandedBatch[]): Books {
  const books = { landed: 0, duplicate: 0, quarantined: 0 };
  for (const row of batches.flatMap((batch) => batch.counts)) {
    books.landed += row.landed;
    books.duplicate += row.duplicate;
    books.quarantined += row.quarantined;
  }
  return books;
}

/** Rows of the staged files of a table, read back. */
export async function stagedRows(
  duck: Duck,
  storage: Storage,
  batches: readonly LandedBatch[],
  table: string,
  select = '*',
): Promise<Record<string, unknown>[]> {
  const files = batches.flatMap((batch) => batch.files).filter((file) => file.kind === 'clean' && file.table === table);
  if (files.length === 0) return [];
  const local = await Promise.all(files.map((file) => storage.localPath(file.path)));
  return duck.query(
    `SELECT ${select} FROM read_parquet(${quoteList(local)}, hive_partitioning = false, union_by_name = true)`,
  );
}

/** Lines of all raw parts that the batches name; with an opener, as they were before they were sealed. */
export async function rawLines(
  storage: Storage,
  batches: readonly LandedBatch[],
  opener?: Pick<Opener, 'lines'>,
): Promise<{ path: string; line: number; text: string }[]> {
  const lines: { path: string; line: number; text: string }[] = [];
  for (const file of batches.flatMap((batch) => batch.files)) {
    if (file.kind !== 'raw') continue;
    const text = gunzipSync(await storage.get(file.path)).toString('utf8');
    const found = text.replace(/\n$/, '').split('\n');
    for (const [i, line] of (opener ? await opener.lines(found) : found).entries()) {
      if (typeof line !== 'string') throw new Error(`a raw line is ${line.why}`);
      lines.push({ path: file.path, line: i + 1, text: line });
    }
  }
  return lines;
}

/** Every path below raw/ and staged/. */
export async function dataFiles(storage: Storage): Promise<string[]> {
  const paths: string[] = [];
  for (const prefix of ['raw/', 'staged/']) for await (const { path: found } of storage.list(prefix)) paths.push(found);
  return paths;
}
