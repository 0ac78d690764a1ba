import type { Clock } from '@millrace/observability';
import type { OutboxMessage } from '@millrace/messaging/outbox';
import type { MemoryLandingStore } from '../../landing/memory/store';
import { sumHistograms } from '../buckets';
import { type LateEvents, type SourceTimes, sumLate } from '../deltas';
import { keyOf } from '../firings';
import { SETTLED_MS } from '../keeps';
import type {
  CountedName,
  Keeps,
  LateQuestion,
  NameCount,
  RoundChanges,
  SourcesQuestion,
  TenantTime,
  TimeStore,
  TimeTransaction,
  WindowRow,
  WindowsQuestion,
} from '../port';

type OfTenant<T> = T & { readonly tenant: string };

interface TimeState {
  number: number;
  earlyMs: number;
  readonly tenants: Map<string, TenantTime>;
  readonly names: CountedName[];
  readonly windows: Map<string, WindowRow & { readonly updatedMs: number }>;
  readonly sources: Map<string, OfTenant<SourceTimes>>;
  readonly late: Map<string, OfTenant<LateEvents>>;
}

/** Characters of a JSON text: compared as they are, keys sort as their parts do only where these are of one length. */
const compare = (a: readonly (string | number)[], b: readonly (string | number)[]): number => {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at < 0 ? 0 : a[at] < b[at] ? -1 : 1;
};

/** A model of the store beside the landings' model. */
export class MemoryTimeStore implements TimeStore {
  readonly state: TimeState = {
    ...{ number: 0, earlyMs: 0, names: [] },
    ...{ tenants: new Map(), windows: new Map(), sources: new Map(), late: new Map() },
  };
  private readonly messages: OutboxMessage[] = [];
  private isRunning = false;

  constructor(
    private readonly landing: MemoryLandingStore,
    private readonly clock: Clock = landing.clock,
  ) {}

  /** Everything up to a number is counted and told. */
  isAt(number: number): boolean {
    const untold = [...this.state.windows.values()].some(({ changed }) => changed);
    return this.state.number >= number && !untold && this.messages.length === 0;
  }

  readonly outbox = {
    due: async (limit: number): Promise<OutboxMessage[]> => this.messages.slice(0, limit),
    sent: async (sent: readonly OutboxMessage[]): Promise<void> => {
      const ids = new Set(sent.map(({ id }) => id));
      for (let i = this.messages.length - 1; i >= 0; i--) if (ids.has(this.messages[i].id)) this.messages.splice(i, 1);
    },
  };

  async transact<T>(round: (transaction: TimeTransaction) => Promise<T>): Promise<T | null> {
    if (this.isRunning) return null;
    this.isRunning = true;
    try {
      let stored: RoundChanges | null = null;
      const done = await round(this.transaction((changes) => (stored = changes)));
      if (stored) this.apply(stored);
      return done;
    } finally {
      this.isRunning = false;
    }
  }

  async windows({ tenant, kind, fromMs, toMs, after, limit, ...asked }: WindowsQuestion): Promise<WindowRow[]> {
    const place = (row: Pick<WindowRow, 'startMs' | 'eventType' | 'facility'>) => [
      row.startMs,
      row.eventType,
      row.facility,
    ];
    return [...this.state.windows.values()]
      .filter((row) => row.tenant === tenant && row.kind === kind && row.startMs >= fromMs && row.startMs <= toMs)
      .filter(({ eventType }) => asked.eventType === undefined || asked.eventType === eventType)
      .filter(({ facility }) => asked.facility === undefined || asked.facility === facility)
      .filter((row) => !after || compare(place(row), place(after)) > 0)
      .sort((a, b) => compare(place(a), place(b)))
      .slice(0, limit);
  }

  async tenantTime(tenant: string): Promise<TenantTime | null> {
    return this.state.tenants.get(tenant) ?? null;
  }

  async lateData({ tenant, from, to, source, contract, after, limit }: LateQuestion): Promise<LateEvents[]> {
    const place = (row: Pick<LateEvents, 'day' | 'source' | 'contract'>) => [row.day, row.source, row.contract];
    return [...this.state.late.values()]
      .filter((row) => row.tenant === tenant && (!from || row.day >= from) && (!to || row.day <= to))
      .filter(
        (row) =>
          (source === undefined || row.source === source) && (contract === undefined || row.contract === contract),
      )
      .filter((row) => !after || compare(place(row), place(after)) > 0)
      .sort((a, b) => compare(place(a), place(b)))
      .slice(0, limit);
  }

  async sourceTimes({ tenant, from, to, source, after, limit }: SourcesQuestion): Promise<SourceTimes[]> {
    const place = (row: Pick<SourceTimes, 'hour' | 'source'>) => [row.hour, row.source];
    return [...this.state.sources.values()]
      .filter((row) => row.tenant === tenant && (!from || row.hour >= from) && (!to || row.hour < to))
      .filter((row) => source === undefined || row.source === source)
      .filter((row) => !after || compare(place(row), place(after)) > 0)
      .sort((a, b) => compare(place(a), place(b)))
      .slice(0, limit);
  }

  async prune({ windowsMs, sourcesMs, lateMs }: Keeps): Promise<void> {
    const { tenants, windows, sources, late } = this.state;
    const nowMs = this.clock.now();
    for (const [name, tenant] of tenants) {
      const mine = [...windows].filter(([, row]) => row.tenant === name);
      const lively = mine.filter(([, row]) => row.updatedMs > nowMs - SETTLED_MS).map(([, row]) => row.endMs - 1);
      const toMs = Math.min(tenant.watermarkMs - windowsMs, ...lively);
      if (toMs <= (tenant.prunedToMs ?? -Infinity)) continue;
      tenants.set(name, { ...tenant, prunedToMs: toMs });
      for (const [key, row] of mine) if (row.endMs <= toMs) windows.delete(key);
    }
    for (const [key, { hour }] of sources) if (Date.parse(hour) < nowMs - sourcesMs) sources.delete(key);
    for (const [key, row] of late) if (row.lastAcceptedMs < nowMs - lateMs) late.delete(key);
  }

  leave(messages: RoundChanges['messages']): void {
    for (const { id, topic, body } of messages) this.messages.push({ id, topic, json: JSON.stringify(body) });
  }

  private transaction(store: (changes: RoundChanges) => void): TimeTransaction {
    const { state, landing, clock } = this;
    const open = (): WindowRow[] =>
      [...state.windows.values()].filter(({ fired }) => fired === null || fired === 'early');
    return {
      progress: { number: state.number, earlyMs: state.earlyMs, nowMs: clock.now() },
      deltas: async (after, limit) =>
        [...landing.state.manifests.values()]
          .filter(({ number }) => number > after)
          .sort((a, b) => a.number - b.number)
          .slice(0, limit)
          .map(({ number, batchId, topic, partition }) => ({
            ...{ number, batchId, topic, partition },
            deltas: landing.state.deltas.get(batchId) ?? [],
          })),
      tenants: async (names) => names.flatMap((name) => state.tenants.get(name) ?? []),
      tenantsAfter: async (name, limit) =>
        [...state.tenants.values()]
          .filter(({ tenant }) => name === null || tenant > name)
          .sort((a, b) => (a.tenant < b.tenant ? -1 : 1))
          .slice(0, limit),
      names: async (asked) =>
        asked.filter((one) =>
          state.names.some(
            (known) => known.tenant === one.tenant && known.dimension === one.dimension && known.name === one.name,
          ),
        ),
      nameCounts: async (tenants) => {
        const counts = new Map<string, NameCount>();
        for (const { tenant, dimension } of state.names) {
          const key = `${dimension} ${tenant}`;
          if (tenants.includes(tenant))
            counts.set(key, { tenant, dimension, names: (counts.get(key)?.names ?? 0) + 1 });
        }
        return [...counts.values()];
      },
      windows: async (keys) => keys.flatMap((key) => state.windows.get(keyOf(key)) ?? []),
      due: async (watermarks, limit) => {
        const passed = new Map(watermarks.map(({ tenant, watermarkMs }) => [tenant, watermarkMs]));
        return open()
          .filter(({ tenant, endMs }) => endMs <= (passed.get(tenant) ?? -Infinity))
          .sort((a, b) => a.endMs - b.endMs)
          .slice(0, limit);
      },
      changed: async (limit) =>
        open()
          .filter(({ changed }) => changed)
          .slice(0, limit),
      store: async (changes) => store(changes),
    };
  }

  private apply({ progress, batchIds, tenants, names, windows, sources, late, messages }: RoundChanges): void {
    const { state, landing } = this;
    const updatedMs = this.clock.now();
    Object.assign(state, progress);
    for (const batchId of batchIds) landing.state.deltas.delete(batchId);
    for (const tenant of tenants) state.tenants.set(tenant.tenant, tenant);
    state.names.push(...names);
    for (const row of windows) state.windows.set(keyOf(row), { ...row, updatedMs });
    for (const row of sources) {
      const key = JSON.stringify([row.tenant, row.hour, row.source]);
      const before = state.sources.get(key);
      const lateness = before ? sumHistograms(before.lateness, row.lateness) : row.lateness;
      const skew = before ? sumHistograms(before.skew, row.skew) : row.skew;
      state.sources.set(key, { ...row, lateness, skew });
    }
    for (const row of late) {
      const key = JSON.stringify([row.tenant, row.day, row.source, row.contract]);
      const before = state.late.get(key);
      state.late.set(key, before ? { ...sumLate(before, row), tenant: row.tenant } : row);
    }
    this.leave(messages);
  }
}
