import { type PoolClient, unnest } from '@millrace/postgres';
import { noteFailures, type ReplayFailure } from '../../replay/failures';
import type { ReplayEntry, SettledRow, SkippedRow, WaitingRow } from '../port';
import { addCounts, type CountDelta } from './quarantine-counts';
import { storable, storableOrNull } from './text';

type Queryable = Pick<PoolClient, 'query'>;

/** A row as it was when it was entered: where its counts are. */
type Entered = Omit<CountDelta, 'open' | 'total'>;

const MOVE_JOB = `
  UPDATE curation_worker.replay_job
     SET cursor = $4, tried_to = NULL, attempts = CASE WHEN suspect_to > $4 THEN attempts ELSE 0 END,
         suspect_to = CASE WHEN suspect_to > $4 THEN suspect_to END
   WHERE id = $1 AND epoch = $2 AND cursor = $3 AND state = 'running'
  RETURNING failures`;

const COUNT_JOB = `
  UPDATE curation_worker.replay_job
     SET landed = landed + $2, duplicate = duplicate + $3, failed = failed + $4, failures = $5 WHERE id = $1`;

/** Sorted before they are locked, so that two replays of the same rows never wait for each other. */
const ENTER = `
  SELECT id, tenant, group_id, source, reason, group_rule, group_path, contract, group_event_type
    FROM curation_worker.quarantine WHERE id = ANY($1::bigint[]) AND status = 'open' ORDER BY id FOR UPDATE`;

const SKIP = `
  UPDATE curation_worker.quarantine q SET replays = replays + 1, last_failure = s.failure, job_id = $3
    FROM unnest($1::bigint[], $2::text[]) AS s (id, failure) WHERE q.id = s.id`;

const LEAVE_WAITING = `
  DELETE FROM curation_worker.waiting
   WHERE id IN (SELECT id FROM curation_worker.waiting WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE) RETURNING id`;

/** The replay's part of a landing: the rows that it takes, and the job that it does so for. */
export class PostgresReplay {
  private readonly rows = new Map<number, Entered>();
  private job: { readonly id: string; readonly failures: ReplayFailure[] } | null = null;
  private skipped = 0;

  constructor(private readonly client: Queryable) {}

  async enter({ from, ids, job, skipped = [] }: ReplayEntry): Promise<ReadonlySet<number> | 'over'> {
    if (from === 'waiting') {
      const { rows } = await this.client.query(LEAVE_WAITING, [ids]);
      return new Set((rows as { id: string }[]).map(({ id }) => Number(id)));
    }
    if (job) {
      const moved = await this.client.query(MOVE_JOB, [job.id, job.epoch, job.after, job.upTo]);
      if (moved.rowCount === 0) return 'over';
      this.job = { id: job.id, failures: (moved.rows[0] as { failures: ReplayFailure[] }).failures };
    }
    const { rows } = await this.client.query(ENTER, [[...ids, ...skipped.map(({ id }) => id)]]);
    for (const row of rows as Record<string, string>[]) this.rows.set(Number(row['id']), enteredOf(row));
    await this.skip(skipped);
    return new Set(ids.filter((id) => this.rows.has(id)));
  }

  async settle(settled: readonly SettledRow[], batchId: number): Promise<void> {
    const { sql, values } = unnest(settled, COLUMNS, { firstParameter: 3, alias: 'r' });
    await this.client.query(SETTLE.replace('rows()', sql), [batchId, this.job?.id ?? null, ...values]);
    await addCounts(this.client, this.deltas(settled));
    const count = (fate: SettledRow['healedAs']): number => settled.filter(({ healedAs }) => healedAs === fate).length;
    const failures = settled.flatMap(({ id, again }) =>
      again ? { id, cause: again.groupRule, group: again.groupId } : [],
    );
    await this.count(count('landed'), count('duplicate'), failures);
  }

  /** Of a batch in which nothing is left to be landed. */
  countSkipped(): Promise<void> {
    return this.count(0, 0, []);
  }

  private async skip(skipped: readonly SkippedRow[]): Promise<void> {
    const open = skipped.filter(({ id }) => this.rows.has(id));
    this.skipped = open.length;
    if (open.length === 0) return;
    await this.client.query(SKIP, [
      open.map(({ id }) => id),
      open.map(({ failure }) => storable(failure)),
      this.job?.id ?? null,
    ]);
    if (this.job)
      noteFailures(
        this.job.failures,
        open.map(({ id, failure }) => ({ id, cause: failure, group: null })),
      );
  }

  private async count(
    landed: number,
    duplicate: number,
    again: readonly { readonly id: number; readonly cause: string; readonly group: string | null }[],
  ): Promise<void> {
    if (!this.job) return;
    noteFailures(this.job.failures, again);
    const failures = JSON.stringify(this.job.failures);
    await this.client.query(COUNT_JOB, [this.job.id, landed, duplicate, again.length + this.skipped, failures]);
  }

  private *changes(settled: readonly SettledRow[]): Generator<CountDelta> {
    for (const { id, healedAs, again } of settled) {
      const row = this.rows.get(id);
      if (!row) throw new Error(`row ${id} was not entered`);
      if (healedAs) yield { ...row, open: -1, total: 0 };
      else if (again && again.groupId !== row.groupId) {
        yield { ...row, open: -1, total: 0 };
        yield { ...again, tenant: row.tenant, source: row.source, open: 1, total: 1 };
      }
    }
  }

  private deltas(settled: readonly SettledRow[]): CountDelta[] {
    return [...this.changes(settled)];
  }
}

const enteredOf = (row: Readonly<Record<string, string>>): Entered => ({
  tenant: row['tenant'],
  source: row['source'],
  groupId: row['group_id'],
  reason: row['reason'],
  groupRule: row['group_rule'],
  groupPath: row['group_path'],
  contract: row['contract'],
  groupEventType: row['group_event_type'],
});

const COLUMNS: Parameters<typeof unnest<SettledRow>>[1] = [
  { name: 'id', type: 'bigint', value: ({ id }) => id },
  { name: 'healed_as', type: 'text', value: ({ healedAs }) => healedAs },
  { name: 'group_id', type: 'text', value: ({ again }) => again?.groupId },
  { name: 'reason', type: 'text', value: ({ again }) => again?.reason },
  { name: 'rule', type: 'text', value: ({ again }) => storableOrNull(again?.rule ?? null) },
  { name: 'path', type: 'text', value: ({ again }) => storableOrNull(again?.path ?? null) },
  { name: 'group_rule', type: 'text', value: ({ again }) => storableOrNull(again?.groupRule ?? null) },
  { name: 'group_path', type: 'text', value: ({ again }) => storableOrNull(again?.groupPath ?? null) },
  { name: 'group_event_type', type: 'text', value: ({ again }) => storableOrNull(again?.groupEventType ?? null) },
  { name: 'contract', type: 'text', value: ({ again }) => again?.contract },
  { name: 'contract_version', type: 'text', value: ({ again }) => again?.contractVersion },
  { name: 'event_type', type: 'text', value: ({ again }) => storableOrNull(again?.eventType ?? null) },
  { name: 'event_id', type: 'text', value: ({ again }) => storableOrNull(again?.eventId ?? null) },
  { name: 'recipe', type: 'text', value: ({ mended }) => mended?.recipe },
  { name: 'mended_part', type: 'text', value: ({ mended }) => mended?.part },
  { name: 'mended_line', type: 'integer', value: ({ mended }) => mended?.line },
];

/** What heals keeps saying what was wrong with it; `last_batch_id` names the batch that said so. */
const AGAIN = [
  ...['group_id', 'reason', 'rule', 'path', 'group_rule', 'group_path', 'group_event_type', 'contract'],
  ...['contract_version', 'event_type', 'event_id'],
].map((column) => `${column} = CASE WHEN r.healed_as IS NULL THEN r.${column} ELSE q.${column} END`);

const SETTLE = `
  UPDATE curation_worker.quarantine q
     SET status = CASE WHEN r.healed_as IS NULL THEN 'open' ELSE 'replayed' END, healed_as = r.healed_as,
         healed_at = CASE WHEN r.healed_as IS NOT NULL THEN clock_timestamp() END,
         healed_batch = CASE WHEN r.healed_as IS NOT NULL THEN $1::bigint END,
         last_batch_id = CASE WHEN r.healed_as IS NULL THEN $1::bigint ELSE q.last_batch_id END,
         replays = q.replays + 1, attempts = q.attempts + CASE WHEN r.healed_as IS NULL THEN 1 ELSE 0 END,
         last_failure = NULL, job_id = $2, recipe = r.recipe, mended_part = r.mended_part, mended_line = r.mended_line,
         ${AGAIN.join(', ')}
    FROM rows() WHERE q.id = r.id`;

const WAIT = (sql: string): string => `
  INSERT INTO curation_worker.waiting
         (tenant, source, event_id, event_type, accepted_at, topic, partition, "offset", batch_id, raw_part, raw_line,
          headers, ingestion_id, raw, sealed_by, last_error, next_at)
  SELECT tenant, source, event_id, event_type, accepted_at, topic, partition, "offset", batch_id, raw_part, raw_line,
         headers, ingestion_id, raw, sealed_by, last_error, clock_timestamp() + retry_in_ms * interval '1 ms' FROM ${sql}`;

/** Puts items aside, to be tried again. */
export async function insertWaiting(client: Queryable, rows: readonly WaitingRow[]): Promise<void> {
  const { sql, values } = unnest(rows, [
    { name: 'tenant', type: 'text', value: (row) => storable(row.tenant) },
    { name: 'source', type: 'text', value: (row) => storable(row.source) },
    { name: 'event_id', type: 'text', value: (row) => storableOrNull(row.eventId) },
    { name: 'event_type', type: 'text', value: (row) => storableOrNull(row.eventType) },
    { name: 'accepted_at', type: 'timestamptz', value: (row) => row.acceptedAt },
    { name: 'topic', type: 'text', value: (row) => row.topic },
    { name: 'partition', type: 'text', value: (row) => row.partition },
    { name: 'offset', type: 'bigint', value: (row) => row.offset },
    { name: 'batch_id', type: 'bigint', value: (row) => row.batchId },
    { name: 'raw_part', type: 'text', value: (row) => row.rawPart },
    { name: 'raw_line', type: 'integer', value: (row) => row.rawLine },
    { name: 'headers', type: 'json', value: (row) => row.headers },
    { name: 'ingestion_id', type: 'text', value: (row) => storable(row.ingestionId) },
    { name: 'raw', type: 'bytea', value: (row) => row.raw },
    { name: 'sealed_by', type: 'text', value: (row) => row.sealedBy },
    { name: 'last_error', type: 'text', value: (row) => storable(row.error) },
    { name: 'retry_in_ms', type: 'double precision', value: (row) => row.retryInMs },
  ]);
  await client.query(WAIT(sql), values);
}
