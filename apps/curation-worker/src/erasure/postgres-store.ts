import { type OutboxEntry, TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { type ErasureRequested, type ErasureResult, TOPICS } from '@millrace/topics';
import { landingErrors } from '../landing/postgres/errors';
import { BUMP_KEYS_EPOCH, destroyKeys } from '../privacy/postgres/key-store';
import { sealId } from '../privacy/subject-keys';
import { auditOf, type ErasureAction } from './audit';
import type { ClaimedErasure, Erasure, ErasureStatus, ErasureStore, NewErasure, Rows } from './port';
import type { ErasureReport } from './report';

type Row = Record<string, unknown>;
type Query = (text: string, values?: unknown[]) => Promise<Row[]>;

const OPEN = `status IN ('draining', 'deleting', 'verifying')`;
/** The run that holds it now. */
const MINE = `id = $1 AND epoch = $2`;

const CREATE = `
  INSERT INTO curation_worker.erasure (tenant, kind, lookup, rows, requested_by, ends) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (lookup) WHERE ${OPEN} DO NOTHING RETURNING *`;

const CLAIM = `
  UPDATE curation_worker.erasure
     SET epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => $1 / 1000.0)
   WHERE id = (SELECT id FROM curation_worker.erasure WHERE ${OPEN} AND lease_until < clock_timestamp()
                ORDER BY lease_until, requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING *`;

/** An end forgets whom it was about. */
const END = `ended_at = clock_timestamp(), lookup = NULL, state = NULL, waiting_for = NULL`;

/** Erasures in the service's own schema. What is to be told of a change is left in the outbox of its transaction. */
export class PostgresErasureStore implements ErasureStore {
  private readonly outbox: TableOutbox;

  /** @param onLeft called when a message was left in the outbox */
  constructor(
    private readonly pool: Pool,
    private readonly newId: () => string,
    private readonly onLeft: () => void = () => undefined,
  ) {
    this.outbox = new TableOutbox(pool, 'curation_worker', 'message_outbox');
  }

  async create({ tenant, kind, lookup, rows, requestedBy, ends }: NewErasure) {
    const values = [tenant, kind, Buffer.from(lookup, 'hex'), rows, requestedBy, JSON.stringify([...ends])];
    for (;;) {
      const erasure = await this.audited(
        'privacy.erasure_requested',
        async (query) => (await query(CREATE, values))[0],
      );
      if (erasure) return { erasure };
      const [open] = await this.rows(`SELECT id FROM curation_worker.erasure WHERE lookup = $1 AND ${OPEN}`, [
        Buffer.from(lookup, 'hex'),
      ]);
      // One that has ended since is in nobody's way.
      if (open) return { open: String(open['id']) };
    }
  }

  async get(tenant: string, id: string): Promise<Erasure | null> {
    const [row] = await this.rows('SELECT * FROM curation_worker.erasure WHERE tenant = $1 AND id = $2', [tenant, id]);
    return row ? erasureOf(row) : null;
  }

  async list(tenant: string, limit: number): Promise<Erasure[]> {
    const rows = await this.rows(
      'SELECT * FROM curation_worker.erasure WHERE tenant = $1 ORDER BY requested_at DESC, id LIMIT $2',
      [tenant, limit],
    );
    return rows.map(erasureOf);
  }

  cancel(tenant: string, id: string, by: string): Promise<Erasure | null> {
    return this.audited('privacy.erasure_cancelled', async (query) => {
      const [row] = await query(
        `UPDATE curation_worker.erasure SET status = 'cancelled', ended_by = $3, ${END}
          WHERE tenant = $1 AND id = $2 AND status = 'draining' RETURNING *`,
        [tenant, id, by],
      );
      return row;
    });
  }

  async claim(leaseMs: number): Promise<ClaimedErasure | null> {
    const [row] = await this.rows(CLAIM, [leaseMs]);
    return row ? { ...erasureOf(row), state: row['state'], epoch: Number(row['epoch']) } : null;
  }

  async prolong({ id, epoch }: ClaimedErasure, leaseMs: number): Promise<void> {
    await this.rows(
      `UPDATE curation_worker.erasure SET lease_until = clock_timestamp() + make_interval(secs => $3 / 1000.0)
        WHERE ${MINE} AND ${OPEN}`,
      [id, epoch, leaseMs],
    );
  }

  async rest({ id, epoch }: ClaimedErasure, restMs: number, waitingFor: string | null): Promise<void> {
    await this.rows(
      `UPDATE curation_worker.erasure
          SET lease_until = clock_timestamp() + make_interval(secs => $3 / 1000.0), waiting_for = $4 WHERE ${MINE} AND ${OPEN}`,
      [id, epoch, restMs, waitingFor],
    );
  }

  async destroy({ id, epoch }: ClaimedErasure): Promise<boolean> {
    const done = await this.audited('privacy.keys_destroyed', async (query, client) => {
      const [row] = await query(
        `SELECT lookup, rows FROM curation_worker.erasure WHERE ${MINE} AND status = 'draining' FOR UPDATE`,
        [id, epoch],
      );
      if (!row) return undefined;
      const ids = await destroyKeys(client, [(row['lookup'] as Buffer).toString('hex')], id);
      const [line] = await query(BUMP_KEYS_EPOCH);
      const keys = ids.map(sealId);
      const number = Number(line['next']) - 1;
      const deletes = row['rows'] === 'delete' && keys.length > 0;
      const [destroyed] = await query(
        `UPDATE curation_worker.erasure SET status = $3, keys = $4, keys_epoch = $5, number = $6,
                destroyed_at = clock_timestamp(), waiting_for = NULL
          WHERE ${MINE} RETURNING *`,
        [id, epoch, deletes ? 'deleting' : 'verifying', keys, Number(line['keys_epoch']), number],
      );
      if (deletes) {
        const at = (destroyed['destroyed_at'] as Date).toISOString();
        const request: ErasureRequested = { id, lineId: String(line['id']), keys, number, at };
        await this.outbox.leave([{ id: this.newId(), topic: TOPICS.erasureRequested.name, body: request }], client);
      }
      return destroyed;
    });
    return done !== null;
  }

  /** Takes what table-manager told; an earlier revision changes nothing. */
  async told({ id, revision, status, waitingFor, deleted }: ErasureResult): Promise<void> {
    await this.rows(
      `UPDATE curation_worker.erasure
          SET lake = $3, lake_revision = $2, lease_until = CASE WHEN $4 THEN '-infinity' ELSE lease_until END
        WHERE id = $1 AND lake_revision < $2 AND status = 'deleting'`,
      [id, revision, JSON.stringify({ deleted, waitingFor, isDone: status === 'done' }), status === 'done'],
    );
  }

  async verify({ id, epoch }: ClaimedErasure): Promise<boolean> {
    const rows = await this.rows(
      `UPDATE curation_worker.erasure SET status = 'verifying', waiting_for = NULL
        WHERE ${MINE} AND status = 'deleting' RETURNING id`,
      [id, epoch],
    );
    return rows.length === 1;
  }

  async save({ id, epoch }: ClaimedErasure, state: unknown, leaseMs: number): Promise<boolean> {
    const rows = await this.rows(
      `UPDATE curation_worker.erasure
          SET state = $3, waiting_for = NULL, lease_until = clock_timestamp() + make_interval(secs => $4 / 1000.0)
        WHERE ${MINE} AND status = 'verifying' RETURNING id`,
      [id, epoch, JSON.stringify(state), leaseMs],
    );
    return rows.length === 1;
  }

  async finish({ id, epoch }: ClaimedErasure, report: ErasureReport): Promise<boolean> {
    const done = await this.audited('privacy.erasure_ended', async (query) => {
      const [row] = await query(
        `UPDATE curation_worker.erasure SET status = $3, report = $4, ${END} WHERE ${MINE} AND status = 'verifying' RETURNING *`,
        [id, epoch, report.readable === 0 ? 'done' : 'failed', JSON.stringify(report)],
      );
      return row;
    });
    return done !== null;
  }

  async positions(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.rows('SELECT partition, next FROM curation_worker.position WHERE topic = $1', [
      TOPICS.eventsInbound.name,
    ]);
    return new Map(rows.map((row) => [String(row['partition']), Number(row['next'])]));
  }

  async behind(keysEpoch: number): Promise<number> {
    const [row] = await this.rows('SELECT count(*) AS n FROM curation_worker.worker WHERE alive AND keys_epoch < $1', [
      keysEpoch,
    ]);
    return Number(row['n']);
  }

  /** Notes that keys of epochs before this are not in the memory of a run any more. */
  async purged(workerEpoch: number, keysEpoch: number): Promise<void> {
    await this.rows('UPDATE curation_worker.worker SET keys_epoch = $2 WHERE epoch = $1 AND keys_epoch < $2', [
      workerEpoch,
      keysEpoch,
    ]);
  }

  async sealed(keys: readonly string[]): Promise<{ quarantined: number; waiting: number }> {
    const [row] = await this.rows(
      `SELECT (SELECT count(*) FROM curation_worker.quarantine WHERE sealed_by = ANY($1)) AS quarantined,
              (SELECT count(*) FROM curation_worker.waiting WHERE sealed_by = ANY($1)) AS waiting`,
      [keys],
    );
    return { quarantined: Number(row['quarantined']), waiting: Number(row['waiting']) };
  }

  async unnamed(tenant: string): Promise<{ items: number; lastDay: string | null }> {
    const [row] = await this.rows(
      `SELECT count(*) AS n, max(sealed_by) AS last FROM curation_worker.quarantine
        WHERE tenant = $1 AND sealed_by >= 'd' AND sealed_by < 'e'`,
      [tenant],
    );
    return { items: Number(row['n']), lastDay: (row['last'] as string | null)?.slice(1) ?? null };
  }

  async sealedItems(from: 'quarantine' | 'waiting', keys: readonly string[], after: number, limit: number) {
    const rows = await this.rows(
      `SELECT id, sealed_by, raw FROM curation_worker.${from} WHERE sealed_by = ANY($1) AND id > $2 ORDER BY id LIMIT $3`,
      [keys, after, limit],
    );
    return rows.map((row) => ({
      ...{ id: Number(row['id']), sealedBy: String(row['sealed_by']), raw: row['raw'] as Buffer },
    }));
  }

  /** Does something to an erasure and tells the audit of it, in one transaction. */
  private async audited(
    action: ErasureAction,
    task: (query: Query, client: PoolClient) => Promise<Row | undefined>,
  ): Promise<Erasure | null> {
    const erasure = await landingErrors(
      transaction(this.pool, async (client) => {
        const query: Query = async (text, values) => (await client.query(text, values)).rows as Row[];
        const row = await task(query, client);
        if (!row) return null;
        const changed = erasureOf(row);
        const at = changed.endedAt ?? changed.destroyedAt ?? changed.requestedAt;
        const entry: OutboxEntry = auditOf(changed, action, this.newId(), at);
        await this.outbox.leave([entry], client);
        return changed;
      }),
    );
    if (erasure) this.onLeft();
    return erasure;
  }

  private async rows(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await landingErrors(this.pool.query(text, values))).rows as Row[];
  }
}

function erasureOf(row: Row): Erasure {
  const lake = row['lake'] as { deleted: Erasure['deleted']; waitingFor: string | null; isDone: boolean } | null;
  const orNull = (name: string): number | null => (row[name] === null ? null : Number(row[name]));
  return {
    ...{ id: String(row['id']), tenant: String(row['tenant']), kind: String(row['kind']), rows: row['rows'] as Rows },
    ...{ status: row['status'] as ErasureStatus, requestedBy: String(row['requested_by']) },
    requestedAt: row['requested_at'] as Date,
    ends: new Map(row['ends'] as [string, number][]),
    ...{ keys: row['keys'] as string[], keysEpoch: orNull('keys_epoch'), number: orNull('number') },
    destroyedAt: row['destroyed_at'] as Date | null,
    ...{ deleted: lake?.deleted ?? null, isDeleted: lake?.isDone ?? false },
    // Of the rows table-manager knows best what is waited for.
    waitingFor: (row['status'] === 'deleting' && lake?.waitingFor) || (row['waiting_for'] as string | null),
    report: row['report'] as ErasureReport | null,
    ...{ endedAt: row['ended_at'] as Date | null, endedBy: row['ended_by'] as string | null },
  };
}
