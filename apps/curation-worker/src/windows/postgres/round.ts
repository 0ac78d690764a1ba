import { TableOutbox } from '@millrace/messaging/outbox';
import type { Pool, PoolClient } from '@millrace/postgres';
import type {
  CountedName,
  LandedDeltas,
  NameCount,
  Progress,
  RoundChanges,
  SourceProgress,
  TenantTime,
  TimeTransaction,
  WindowKey,
  WindowRow,
} from '../port';
import { decodeDeltas } from './delta-codec';
import * as sql from './statements';

type Row = Record<string, unknown>;

/** A round's transaction on one connection; whoever makes it begins and ends it. */
export class PostgresRound implements TimeTransaction {
  constructor(
    private readonly pool: Pool,
    private readonly client: PoolClient,
    readonly progress: Progress,
  ) {}

  async deltas(after: number, limit: number): Promise<LandedDeltas[]> {
    return (await this.rows(sql.DELTAS, [after, limit])).map((row) => ({
      ...{ number: Number(row.number), batchId: Number(row.batch_id) },
      ...{ topic: String(row.topic), partition: String(row.partition) },
      deltas: row.deltas === null ? [] : decodeDeltas(String(row.deltas)),
    }));
  }

  async tenants(names: readonly string[]): Promise<TenantTime[]> {
    return names.length === 0 ? [] : this.withSources(await this.rows(sql.TENANTS_NAMED, [names]));
  }

  async tenantsAfter(name: string | null, limit: number): Promise<TenantTime[]> {
    return this.withSources(await this.rows(sql.TENANTS_AFTER, [name, limit]));
  }

  async names(asked: readonly CountedName[]): Promise<CountedName[]> {
    const columns = [asked.map((n) => n.tenant), asked.map((n) => n.dimension), asked.map((n) => n.name)];
    return asked.length === 0 ? [] : ((await this.rows(sql.NAMES, columns)) as unknown as CountedName[]);
  }

  async nameCounts(tenants: readonly string[]): Promise<NameCount[]> {
    if (tenants.length === 0) return [];
    return (await this.rows(sql.NAME_COUNTS, [tenants])).map(({ tenant, dimension, names }) => ({
      ...{ tenant: String(tenant), dimension: dimension as NameCount['dimension'], names: Number(names) },
    }));
  }

  private async withSources(tenants: readonly Row[]): Promise<TenantTime[]> {
    const sources = new Map<string, SourceProgress[]>();
    const names = tenants.map(({ tenant }) => String(tenant));
    for (const row of names.length === 0 ? [] : await this.rows(sql.SOURCES_OF, [names])) {
      const { tenant, topic, partition } = row as Record<string, string>;
      const source = { topic, partition, reachedMs: Number(row.reached_ms), seenMs: Number(row.seen_ms) };
      const known = sources.get(tenant);
      if (known) known.push(source);
      else sources.set(tenant, [source]);
    }
    return tenants.map((row) => tenantOf(row, sources.get(String(row.tenant)) ?? []));
  }

  async windows(keys: readonly WindowKey[]): Promise<WindowRow[]> {
    const values = [
      keys.map(({ tenant }) => tenant),
      keys.map(({ kind }) => kind),
      keys.map(({ startMs }) => startMs),
      keys.map(({ eventType }) => eventType),
      keys.map(({ facility }) => facility),
    ];
    return (await this.rows(sql.WINDOWS, values)).map(windowOf);
  }

  async due(watermarks: readonly Pick<TenantTime, 'tenant' | 'watermarkMs'>[], limit: number): Promise<WindowRow[]> {
    const values = [watermarks.map(({ tenant }) => tenant), watermarks.map(({ watermarkMs }) => watermarkMs), limit];
    return (await this.rows(sql.DUE, values)).map(windowOf);
  }

  async changed(limit: number): Promise<WindowRow[]> {
    return (await this.rows(sql.CHANGED, [limit])).map(windowOf);
  }

  async store({ progress, batchIds, tenants, names, windows, sources, late, messages }: RoundChanges): Promise<void> {
    const run = async <T>(text: string, rows: readonly T[], ...columns: ((row: T) => unknown)[]): Promise<void> => {
      if (rows.length > 0)
        await this.rows(
          text,
          columns.map((column) => rows.map(column)),
        );
    };
    await this.rows(sql.STORE_PROGRESS, [progress.number, progress.earlyMs]);
    if (batchIds.length > 0) await this.rows(sql.FORGET_DELTAS, [batchIds]);
    await run(sql.STORE_TENANTS, tenants, (t) => t.tenant, (t) => t.watermarkMs, (t) => t.prunedToMs); // prettier-ignore
    const progressOf = tenants.flatMap(({ tenant, sources: of }) => of.map((source) => ({ ...source, tenant })));
    await run(
      sql.STORE_SOURCES,
      progressOf,
      ...[(s: (typeof progressOf)[number]) => s.tenant, (s: (typeof progressOf)[number]) => s.topic],
      ...[(s: (typeof progressOf)[number]) => s.partition, (s: (typeof progressOf)[number]) => s.reachedMs],
      (s) => s.seenMs,
    );
    await run(sql.STORE_NAMES, names, (n) => n.tenant, (n) => n.dimension, (n) => n.name); // prettier-ignore
    await run<WindowRow>(
      sql.STORE_WINDOWS, windows,
      (w) => w.tenant, (w) => w.kind, (w) => w.startMs, (w) => w.eventType, (w) => w.facility, (w) => w.endMs,
      (w) => w.events, (w) => w.late, (w) => w.latenessSecondsMax, (w) => w.revision, (w) => w.fired, (w) => w.changed,
    ); // prettier-ignore
    const array = (counts: readonly number[]): string => `{${counts.join(',')}}`;
    await run(
      sql.ADD_SOURCE_TIMES, sources,
      (s) => s.tenant, (s) => s.hour, (s) => s.source, (s) => array(s.lateness.counts), (s) => s.lateness.sumSeconds,
      (s) => array(s.skew.counts), (s) => s.skew.sumSeconds,
    ); // prettier-ignore
    const at = (ms: number): string => new Date(ms).toISOString();
    await run(
      sql.ADD_LATE, late,
      (l) => l.tenant, (l) => l.day, (l) => l.source, (l) => l.contract, (l) => l.events,
      (l) => at(l.firstAcceptedMs), (l) => at(l.lastAcceptedMs), (l) => l.latenessSecondsMax,
    ); // prettier-ignore
    await kpiOutbox(this.pool).leave(messages, this.client);
  }

  private async rows(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.client.query(text, values)).rows as Row[];
  }
}

export const kpiOutbox = (pool: Pool): TableOutbox => new TableOutbox(pool, 'curation_worker', 'kpi_outbox');

export const tenantOf = (row: Row, sources: readonly SourceProgress[]): TenantTime => ({
  tenant: String(row.tenant),
  watermarkMs: Number(row.watermark_ms),
  prunedToMs: row.pruned_to_ms === null ? null : Number(row.pruned_to_ms),
  sources,
});

export const windowOf = (row: Row): WindowRow => ({
  ...{ tenant: String(row.tenant), kind: row.kind as WindowRow['kind'], startMs: Number(row.start_ms) },
  ...{ eventType: String(row.event_type), facility: String(row.facility), endMs: Number(row.end_ms) },
  ...{ events: Number(row.events), late: Number(row.late), latenessSecondsMax: Number(row.lateness_seconds_max) },
  ...{ revision: Number(row.revision), fired: row.fired as WindowRow['fired'], changed: row.changed === true },
});
