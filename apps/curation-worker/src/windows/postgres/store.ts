import { type Pool, transaction } from '@millrace/postgres';
import type { LateEvents, SourceTimes } from '../deltas';
import { SETTLED_MS } from '../keeps';
import type {
  Keeps,
  LateQuestion,
  SourcesQuestion,
  TenantTime,
  TimeStore,
  TimeTransaction,
  WindowRow,
  WindowsQuestion,
} from '../port';
import { kpiOutbox, PostgresRound, tenantOf, windowOf } from './round';
import * as sql from './statements';

type Row = Record<string, unknown>;

/** Rows that one statement deletes. */
const FORGOTTEN_AT_ONCE = 5_000;

/** Time in the service's own schema. */
export class PostgresTimeStore implements TimeStore {
  readonly outbox;

  constructor(private readonly pool: Pool) {
    this.outbox = kpiOutbox(pool);
  }

  transact<T>(round: (transaction: TimeTransaction) => Promise<T>): Promise<T | null> {
    return transaction(this.pool, async (client) => {
      const [row] = (await client.query(sql.PROGRESS)).rows as Row[];
      if (!row) return null;
      const progress = { number: Number(row.number), earlyMs: Number(row.early_ms), nowMs: Number(row.now_ms) };
      return round(new PostgresRound(this.pool, client, progress));
    });
  }

  async windows({ tenant, kind, fromMs, toMs, limit, ...asked }: WindowsQuestion): Promise<WindowRow[]> {
    const where = new Where([tenant, kind, fromMs, toMs, limit]);
    if (asked.eventType !== undefined) where.and('w.event_type = ?', asked.eventType);
    if (asked.facility !== undefined) where.and('w.facility = ?', asked.facility);
    if (asked.after) {
      const { startMs, eventType, facility } = asked.after;
      where.and('(w.start_ms, w.event_type, w.facility) > (?::bigint, ?::text, ?::text)', startMs, eventType, facility);
    }
    return (await this.rows(sql.windowsPage(where.sql), where.values)).map(windowOf);
  }

  async tenantTime(tenant: string): Promise<TenantTime | null> {
    const [row] = await this.rows(`${sql.TENANTS} WHERE tenant = $1`, [tenant]);
    if (!row) return null;
    const sources = await this.rows(`${sql.SOURCES} WHERE tenant = $1 ORDER BY topic, partition`, [tenant]);
    return tenantOf(
      row,
      sources.map((source) => ({
        ...{ topic: String(source.topic), partition: String(source.partition) },
        ...{ reachedMs: Number(source.reached_ms), seenMs: Number(source.seen_ms) },
      })),
    );
  }

  async lateData({ tenant, from, to, source, contract, after, limit }: LateQuestion): Promise<LateEvents[]> {
    const where = new Where([tenant, limit]);
    if (from !== undefined) where.and('day >= ?::date', from);
    if (to !== undefined) where.and('day <= ?::date', to);
    if (source !== undefined) where.and('source = ?', source);
    if (contract !== undefined) where.and('contract = ?', contract);
    if (after)
      where.and('(day, source, contract) > (?::date, ?::text, ?::text)', after.day, after.source, after.contract);
    return (await this.rows(sql.latePage(where.sql), where.values)).map((row) => ({
      ...{ day: String(row.day), source: String(row.source), contract: String(row.contract) },
      events: Number(row.events),
      firstAcceptedMs: (row.first_accepted as Date).getTime(),
      lastAcceptedMs: (row.last_accepted as Date).getTime(),
      latenessSecondsMax: Number(row.lateness_seconds_max),
    }));
  }

  async sourceTimes({ tenant, from, to, source, after, limit }: SourcesQuestion): Promise<SourceTimes[]> {
    const where = new Where([tenant, limit]);
    if (from !== undefined) where.and('hour >= ?::timestamptz', from);
    if (to !== undefined) where.and('hour < ?::timestamptz', to);
    if (source !== undefined) where.and('source = ?', source);
    if (after) where.and('(hour, source) > (?::timestamptz, ?::text)', after.hour, after.source);
    return (await this.rows(sql.sourcesPage(where.sql), where.values)).map((row) => ({
      ...{ source: String(row.source), hour: (row.hour as Date).toISOString() },
      lateness: { counts: (row.lateness as string[]).map(Number), sumSeconds: Number(row.lateness_sum) },
      skew: { counts: (row.skew as string[]).map(Number), sumSeconds: Number(row.skew_sum) },
    }));
  }

  async prune({ windowsMs, sourcesMs, lateMs }: Keeps): Promise<void> {
    await transaction(this.pool, async (client) => {
      const { rows } = await client.query(sql.PROGRESS);
      // Where a round is under way the horizon moves another time.
      if (rows.length > 0) await client.query(sql.MOVE_HORIZONS, [windowsMs, SETTLED_MS]);
    });
    await this.forget(sql.FORGET_WINDOWS, []);
    await this.forget(sql.FORGET_SOURCES, [sourcesMs]);
    await this.forget(sql.FORGET_LATE, [lateMs]);
  }

  private async forget(text: string, values: unknown[]): Promise<void> {
    for (let count = FORGOTTEN_AT_ONCE; count === FORGOTTEN_AT_ONCE;)
      count = (await this.pool.query(text, [...values, FORGOTTEN_AT_ONCE])).rowCount ?? 0;
  }

  private async rows(text: string, values: readonly unknown[]): Promise<Row[]> {
    return (await this.pool.query(text, [...values])).rows as Row[];
  }
}

/** Conditions beside those that a statement has, with their parameters. */
class Where {
  sql = '';

  constructor(readonly values: unknown[]) {}

  /** Each `?` stands for one value. */
  and(condition: string, ...values: unknown[]): void {
    let i = 0;
    this.sql += ` AND ${condition.replace(/\?/g, () => `$${this.values.push(values[i++])}`)}`;
  }
}
