import { createHash } from 'node:crypto';
import type { LogRecord, Messaging } from '@millrace/messaging';
import type { Pool } from '@millrace/postgres';
import { type EventQuarantined, TOPICS } from '@millrace/topics';

export interface TellDeps {
  readonly pool: Pick<Pool, 'query'>;
  readonly messaging: Pick<Messaging, 'append'>;
  /** Whether messages hold the items' bytes, those of sealed ones excepted. */
  readonly withRaw: boolean;
}

/** Landed batches that are looked through at once. */
const BATCHES_MAX = 200;
const RECORDS_MAX = 500;
const BYTES_MAX = 4 << 20;

interface Batch {
  readonly number: number;
  readonly batchId: number;
  readonly at: string;
}

/**
 * Tells outsiders what was quarantined, in the order of the number line, with which it is known exactly how far that is.
 * A crash repeats appends under their ids, which stores them once. Returns whether there may be more.
 */
export async function tellQuarantined({ pool, messaging, withRaw }: TellDeps): Promise<boolean> {
  const { rows: found } = await pool.query(
    `SELECT p.told, (SELECT id FROM curation_worker.line) AS line_id, m.number, m.batch_id, m.landed_at
       FROM curation_worker.progress p
       JOIN LATERAL (SELECT number, batch_id, landed_at FROM curation_worker.manifest
                      WHERE number > p.told ORDER BY number LIMIT $1) m ON true ORDER BY m.number`,
    [BATCHES_MAX],
  );
  const rows = found as { told: string; line_id: string; number: string; batch_id: string; landed_at: Date }[];
  if (rows.length === 0) return false;
  const batches = rows.map((row): Batch => {
    return { number: Number(row.number), batchId: Number(row.batch_id), at: row.landed_at.toISOString() };
  });
  const { rows: with_ } = await pool.query(
    'SELECT DISTINCT last_batch_id FROM curation_worker.quarantine WHERE last_batch_id = ANY($1::bigint[])',
    [batches.map(({ batchId }) => batchId)],
  );
  const told = new Set((with_ as { last_batch_id: string }[]).map((row) => Number(row.last_batch_id)));
  for (const batch of batches)
    if (told.has(batch.batchId)) await tellBatch({ pool, messaging, withRaw }, rows[0].line_id, batch);
  const from = Number(rows[0].told);
  const to = batches[batches.length - 1].number;
  await pool.query('UPDATE curation_worker.progress SET told = $2 WHERE told = $1', [from, to]);
  return batches.length === BATCHES_MAX;
}

/** What is sealed may hold personal data, and is told to nobody. */
const CLEAR = `CASE WHEN sealed_by IS NULL THEN raw ELSE ''::bytea END`;

async function tellBatch({ pool, messaging, withRaw }: TellDeps, lineId: string, batch: Batch): Promise<void> {
  for (let after = 0; ;) {
    const { rows } = await pool.query(
      `SELECT * FROM (
         SELECT *, sum(octet_length(raw)) OVER (ORDER BY id) - octet_length(raw) AS bytes_before FROM (
           SELECT id, tenant, source, event_type, event_id, group_id, reason, rule, path, contract, contract_version,
                  accepted_at, raw_part, raw_line, sealed_by, ${withRaw ? CLEAR : `''::bytea`} AS raw
             FROM curation_worker.quarantine WHERE last_batch_id = $1 AND id > $2 ORDER BY id LIMIT ${RECORDS_MAX}) picked
       ) sized WHERE bytes_before < ${BYTES_MAX} ORDER BY id`,
      [batch.batchId, after],
    );
    const found = rows as Record<string, unknown>[];
    if (found.length === 0) return;
    const records = found.map((row) => recordOf(row, lineId, batch, withRaw));
    await messaging.append(TOPICS.eventsQuarantined.name, {
      header: { appendId: appendIdOf(records) },
      records,
    });
    after = Number(found[found.length - 1]['id']);
  }
}

function recordOf(row: Record<string, unknown>, lineId: string, { number, at }: Batch, withRaw: boolean): LogRecord {
  const text = (name: string): string => String(row[name]);
  const orNull = (name: string): string | null => row[name] as string | null;
  const body: EventQuarantined = {
    ...{ id: `${lineId}/${number}/${text('id')}`, quarantineId: text('id') },
    ...{ tenant: text('tenant'), source: text('source'), eventType: orNull('event_type'), eventId: orNull('event_id') },
    ...{ group: text('group_id'), reason: text('reason'), rule: text('rule'), path: text('path') },
    ...{ contract: orNull('contract'), contractVersion: orNull('contract_version') },
    ...{ acceptedAt: (row['accepted_at'] as Date).toISOString(), at },
    ...{ rawPart: text('raw_part'), rawLine: Number(row['raw_line']) },
    ...(withRaw && row['sealed_by'] === null && { raw: (row['raw'] as Buffer).toString('base64') }),
  };
  const headers = { 'content-type': 'application/json', tenant: body.tenant };
  return { key: null, headers, value: Buffer.from(JSON.stringify(body)) };
}

/** The same for the same records, and for no others, whoever sends them. A UUIDv8 (RFC 9562, 5.8). */
function appendIdOf(records: readonly LogRecord[]): string {
  const hash = createHash('sha256');
  for (const { value } of records) hash.update(value);
  const id = hash.digest().subarray(0, 16);
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
