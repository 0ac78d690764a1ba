import { TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, transaction } from '@millrace/postgres';
import { landingErrors } from '../landing/postgres/errors';
import { PostgresReplay } from '../landing/postgres/replays';
import { storable } from '../landing/postgres/text';
import type { ReplayEntry } from '../landing/port';
import { auditOf } from './audit';
import type { Job, NewJob, ReplayStore, Selection, StoredItem, WaitingItem } from './port';
import { conditionsOf } from './selection';

type Row = Record<string, unknown>;

const ALIVE = (epoch: string): string =>
  `EXISTS (SELECT FROM curation_worker.worker w WHERE w.epoch = ${epoch} AND w.alive)`;

/** Of nobody's, of a dead worker's, and this one's own, whose tries are over by the time it asks. */
const TAKE_OVER = `
  UPDATE curation_worker.replay_job
     SET epoch = $1, attempts = attempts + CASE WHEN tried_to IS NULL THEN 0 ELSE 1 END,
         suspect_to = coalesce(tried_to, suspect_to), tried_to = NULL
   WHERE id IN (SELECT id FROM curation_worker.replay_job j
                 WHERE state = 'running' AND (epoch IS NULL OR (epoch <> $1 AND NOT ${ALIVE('j.epoch')}))
                 ORDER BY id FOR UPDATE SKIP LOCKED)`;

const FAILED = `
  UPDATE curation_worker.replay_job SET attempts = attempts + 1, suspect_to = coalesce(tried_to, suspect_to), tried_to = NULL
   WHERE id = $1 AND epoch = $2 AND state = 'running'`;

const ITEM = 'id, headers, ingestion_id, raw, sealed_by, raw_part, raw_line, topic, partition, "offset"';

const TAKE_WAITING = `
  UPDATE curation_worker.waiting
     SET epoch = $1, interrupted = interrupted + CASE WHEN epoch IS NULL THEN 0 ELSE 1 END, updated_at = clock_timestamp()
   WHERE id = (SELECT id FROM curation_worker.waiting t
                WHERE next_at <= clock_timestamp() AND (epoch IS NULL OR epoch = $1 OR NOT ${ALIVE('t.epoch')})
                ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING ${ITEM}, event_id, event_type, attempts, interrupted, last_error`;

/** Jobs and waiting events in the service's own schema. */
export class PostgresReplayStore implements ReplayStore {
  private readonly outbox: TableOutbox;

  /** @param onLeft called when a message was left in the outbox */
  constructor(
    private readonly pool: Pool,
    private readonly newId: () => string,
    private readonly onLeft: () => void = () => undefined,
  ) {
    this.outbox = new TableOutbox(pool, 'curation_worker', 'message_outbox');
  }

  async sample(tenant: string, selection: Selection, max: number): Promise<{ selected: number; ids: number[] }> {
    const { sql, values } = conditionsOf(tenant, selection, 2);
    const rows = await this.rows(
      `SELECT id, count(*) OVER () AS selected FROM curation_worker.quarantine WHERE ${sql} ORDER BY random() LIMIT $1`,
      [max, ...values],
    );
    const ids = rows.map((row) => Number(row['id'])).sort((a, b) => a - b);
    return { selected: Number(rows[0]?.['selected'] ?? 0), ids };
  }

  create(job: NewJob): Promise<Job> {
    const { sql, values } = conditionsOf(job.tenant, job.selection, 6);
    return this.audited('quarantine.replay_started', async (query) => {
      const [row] = await query(
        `INSERT INTO curation_worker.replay_job (tenant, selection, recipe, recipe_version, rate, created_by, selected, upper_id)
         SELECT $6, $1, $2, $3, $4, $5, count(*), coalesce(max(id), 0) FROM curation_worker.quarantine WHERE ${sql} RETURNING *`,
        [
          JSON.stringify(job.selection),
          job.recipe?.name ?? null,
          job.recipe?.version ?? null,
          job.rate,
          job.createdBy,
          ...values,
        ],
      );
      return jobOf(row);
    }) as Promise<Job>;
  }

  async get(tenant: string, id: string): Promise<Job | null> {
    const [row] = await this.rows('SELECT * FROM curation_worker.replay_job WHERE tenant = $1 AND id = $2', [
      tenant,
      id,
    ]);
    return row ? jobOf(row) : null;
  }

  cancel(tenant: string, id: string, by: string): Promise<Job | null> {
    return this.audited('quarantine.replay_cancelled', async (query) => {
      const [row] = await query(
        `UPDATE curation_worker.replay_job SET state = 'cancelled', ended_by = $3, ended_at = clock_timestamp()
          WHERE tenant = $1 AND id = $2 AND state = 'running' RETURNING *`,
        [tenant, id, by],
      );
      return row ? jobOf(row) : null;
    });
  }

  async running(epoch: number): Promise<Job[]> {
    const mine = `SELECT * FROM curation_worker.replay_job WHERE state = 'running' ORDER BY created_at, id`;
    const rows = await this.rows(mine);
    if (rows.every((row) => Number(row['epoch']) === epoch)) return rows.map(jobOf);
    await this.rows(TAKE_OVER, [epoch]);
    return (await this.rows(mine)).filter((row) => Number(row['epoch']) === epoch).map(jobOf);
  }

  async note(id: string, epoch: number, upTo: number): Promise<boolean> {
    const text = `UPDATE curation_worker.replay_job SET tried_to = $3 WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`;
    return (await this.rows(text, [id, epoch, upTo])).length === 1;
  }

  async failed(id: string, epoch: number): Promise<void> {
    await this.rows(FAILED, [id, epoch]);
  }

  items({ tenant, selection, cursor, upperId }: Job, limit: number, bytesMax: number): Promise<StoredItem[]> {
    const { sql, values } = conditionsOf(tenant, selection, 5);
    return this.sized(`${sql} AND id > $3 AND id <= $4`, limit, bytesMax, [cursor, upperId, ...values]);
  }

  load(ids: readonly number[], bytesMax: number): Promise<StoredItem[]> {
    return this.sized(`status = 'open' AND id = ANY($3::bigint[])`, ids.length, bytesMax, [ids]);
  }

  private async sized(where: string, limit: number, bytesMax: number, values: unknown[]): Promise<StoredItem[]> {
    const rows = await this.rows(
      `SELECT ${ITEM} FROM (
         SELECT *, sum(octet_length(raw)) OVER (ORDER BY id) - octet_length(raw) AS bytes_before FROM (
           SELECT ${ITEM} FROM curation_worker.quarantine WHERE ${where} ORDER BY id LIMIT $1) picked
       ) sized WHERE bytes_before < $2 ORDER BY id`,
      [limit, bytesMax, ...values],
    );
    return rows.map(itemOf);
  }

  pass(entry: ReplayEntry): Promise<boolean> {
    return landingErrors(
      transaction(this.pool, async (client) => {
        const replay = new PostgresReplay(client);
        if ((await replay.enter(entry)) === 'over') return false;
        await replay.countSkipped();
        return true;
      }),
    );
  }

  finish(id: string, epoch: number): Promise<Job | null> {
    return this.audited('quarantine.replayed', async (query) => {
      const [row] = await query(
        `UPDATE curation_worker.replay_job SET state = 'done', ended_at = clock_timestamp()
          WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING *`,
        [id, epoch],
      );
      return row ? jobOf(row) : null;
    });
  }

  async takeWaiting(epoch: number): Promise<WaitingItem | null> {
    const [row] = await this.rows(TAKE_WAITING, [epoch]);
    if (!row) return null;
    const { attempts, interrupted, last_error: lastError } = row;
    return {
      ...itemOf(row),
      eventId: row['event_id'] as string | null,
      eventType: row['event_type'] as string | null,
      attempts: Number(attempts),
      interrupted: Number(interrupted),
      lastError: String(lastError),
    };
  }

  async waitAgain(id: number, epoch: number, error: string, retryInMs: number): Promise<void> {
    await this.rows(
      `UPDATE curation_worker.waiting SET epoch = NULL, attempts = attempts + 1, last_error = $3, updated_at = clock_timestamp(),
              next_at = clock_timestamp() + $4 * interval '1 ms' WHERE id = $1 AND epoch = $2`,
      [id, epoch, storable(error), retryInMs],
    );
  }

  async giveBack(id: number, epoch: number): Promise<void> {
    await this.rows('UPDATE curation_worker.waiting SET epoch = NULL WHERE id = $1 AND epoch = $2', [id, epoch]);
  }

  /** A change of a job with the record of it, in one transaction. */
  private async audited(
    action: string,
    change: (query: (text: string, values: unknown[]) => Promise<Row[]>) => Promise<Job | null>,
  ): Promise<Job | null> {
    const changed = await landingErrors(
      transaction(this.pool, async (client) => {
        const job = await change(async (text, values) => (await client.query(text, values)).rows as Row[]);
        if (job) await this.outbox.leave([auditOf(job, action, this.newId())], client);
        return job;
      }),
    );
    if (changed) this.onLeft();
    return changed;
  }

  private async rows(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await landingErrors(this.pool.query(text, values))).rows as Row[];
  }
}

const itemOf = (row: Row): StoredItem => ({
  id: Number(row['id']),
  headers: row['headers'] as StoredItem['headers'],
  ingestionId: row['ingestion_id'] as string | null,
  raw: row['raw'] as Buffer,
  sealedBy: row['sealed_by'] as string | null,
  rawPart: String(row['raw_part']),
  rawLine: Number(row['raw_line']),
  topic: String(row['topic']),
  partition: String(row['partition']),
  offset: row['offset'] === null ? null : Number(row['offset']),
});

function jobOf(row: Row): Job {
  const number = (name: string): number => Number(row[name]);
  return {
    id: String(row['id']),
    tenant: String(row['tenant']),
    state: row['state'] as Job['state'],
    selection: row['selection'] as Selection,
    recipe: row['recipe'] === null ? null : { name: String(row['recipe']), version: number('recipe_version') },
    rate: number('rate'),
    createdBy: String(row['created_by']),
    createdAt: row['created_at'] as Date,
    endedAt: row['ended_at'] as Date | null,
    endedBy: row['ended_by'] as string | null,
    ...{ cursor: number('cursor'), upperId: number('upper_id'), selected: number('selected') },
    ...{ landed: number('landed'), duplicate: number('duplicate'), failed: number('failed') },
    failures: row['failures'] as Job['failures'],
    attempts: number('attempts'),
    suspectTo: row['suspect_to'] === null ? null : number('suspect_to'),
  };
}
