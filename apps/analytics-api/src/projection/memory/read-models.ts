import type { BatchStaged, TablesChanged } from '@millrace/topics';
import type {
  BatchesKnown,
  BatchPlace,
  ConservationRow,
  CountedBatch,
  LandedProgress,
  MartBuild,
  ReadModels,
  TableCommit,
} from '../read-models';

type Counts = Record<'received' | 'landed' | 'duplicate' | 'quarantined', number>;

interface Batch extends Omit<BatchPlace, 'commit'> {
  readonly range: BatchStaged['range'];
}

interface Commit extends TableCommit {
  readonly from: number;
  readonly to: number;
}

interface Build extends MartBuild {
  readonly key: string;
  readonly number: number;
}

/** A model of the read models: each call is one step that nothing comes between. */
export class MemoryReadModels implements ReadModels {
  private readonly counts = new Map<string, { tenant: string; source: string; hour: string } & Counts>();
  private readonly positions = new Map<string, Map<string, number>>();
  /** By topic and partition: the end of what is counted, and of what has landed without gaps. */
  private readonly landed = new Map<string, Map<string, { countedTo: number; landedTo: number }>>();
  private readonly lines = new Map<string, number>();
  private readonly batches = new Map<string, Map<number, Batch>>();
  private readonly commits = new Map<string, Map<number, Commit>>();
  private builds: Build[] = [];

  /** Every line is known up to this number, and receipts are counted up to these ends of a topic. */
  isAt(number: number, topic: string, ends: readonly number[]): boolean {
    const counted = this.positions.get(topic);
    return (
      [...this.lines.values()].every((known) => known === number) &&
      ends.every((end, partition) => (counted?.get(String(partition)) ?? 0) === end)
    );
  }

  async countReceived(topic: string, partition: string, batches: readonly CountedBatch[]): Promise<void> {
    if (batches.length === 0) return;
    const positions = child(this.positions, topic, () => new Map<string, number>());
    const next = positions.get(partition) ?? batches[0].from;
    const fresh = batches.filter(({ to }) => to > next);
    let at = next;
    for (const { from, to } of fresh) {
      if (from !== at) throw new Error(`${topic}/${partition}: counted to ${at}, was given [${from}, ${to})`);
      at = to;
    }
    positions.set(partition, at);
    for (const { counts } of fresh) for (const { count, ...key } of counts) this.add(key, { received: count });
  }

  async receivedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    return new Map(this.positions.get(topic));
  }

  async countFates(batches: readonly BatchStaged[]): Promise<void> {
    for (const batch of batches) {
      const { lineId, number, batchId, topic, partition, landedAt, range } = batch;
      const known = child(this.batches, lineId, () => new Map<number, Batch>());
      if (number <= (this.lines.get(lineId) ?? 0) || known.has(number)) continue;
      known.set(number, { lineId, number, batchId, topic, partition, landedAt, range });
      for (const { landed, duplicate, quarantined, ...key } of batch.counts)
        this.add(key, { landed, duplicate, quarantined });
      if (!range) continue;
      const reached = this.reached(topic, partition);
      reached.countedTo = Math.max(reached.countedTo, range.to);
    }
    for (const lineId of new Set(batches.map((batch) => batch.lineId))) this.follow(lineId);
  }

  async recordCommit({ lineId, number, from, catalogVersion, tables, rebuilt, at }: TablesChanged): Promise<void> {
    if (rebuilt) {
      for (const [mart, partitions] of Object.entries(rebuilt)) {
        for (const [partition, built] of Object.entries(partitions)) {
          const key = JSON.stringify([lineId, mart, partition]);
          if (!this.builds.some((build) => build.key === key && build.number === built))
            this.builds.push({ key, number: built, version: tables[mart], at });
        }
      }
      return;
    }
    const commits = child(this.commits, lineId, () => new Map<number, Commit>());
    if (from <= number && !commits.has(number)) commits.set(number, { from, to: number, catalogVersion, tables, at });
  }

  async conservation(
    tenant: string,
    from: Date | null,
    to: Date | null,
  ): Promise<{ rows: ConservationRow[]; behind: boolean }> {
    const rows = [...this.counts.values()]
      .filter((row) => row.tenant === tenant)
      .filter(({ hour }) => (!from || Date.parse(hour) >= +from) && (!to || Date.parse(hour) < +to))
      .map((row) => ({ ...row, pending: row.received - row.landed - row.duplicate - row.quarantined }))
      .sort((a, b) => compare(a.hour, b.hour) || compare(a.source, b.source));
    const overtaken = [...this.landed].some(([topic, partitions]) =>
      [...partitions].some(
        ([partition, { countedTo }]) => (this.positions.get(topic)?.get(partition) ?? 0) < countedTo,
      ),
    );
    return { rows, behind: overtaken || rows.some(({ pending, quarantined }) => pending < 0 || quarantined < 0) };
  }

  async progress(lineId: string | null, topic: string): Promise<LandedProgress> {
    const partitions = [...(this.landed.get(topic) ?? [])];
    return {
      number: this.lines.get(this.lineOf(lineId)) ?? 0,
      landedTo: new Map(partitions.map(([partition, { landedTo }]) => [partition, landedTo])),
    };
  }

  async visibleTo(lineId: string | null, topic: string, number: number): Promise<ReadonlyMap<string, number>> {
    const beyond = [...(this.batches.get(this.lineOf(lineId))?.values() ?? [])].filter(
      (batch) => batch.number > number && batch.topic === topic && batch.range,
    );
    const partitions = [...(this.landed.get(topic) ?? [])];
    return new Map(
      partitions.map(([partition, { landedTo }]) => {
        const first = beyond
          .filter((batch) => batch.partition === partition)
          .map(({ range }) => range?.from ?? Infinity);
        return [partition, Math.min(landedTo, ...first)];
      }),
    );
  }

  async places(batchIds: readonly number[]): Promise<ReadonlyMap<number, BatchPlace>> {
    const found = new Map<number, BatchPlace>();
    for (const batches of this.batches.values()) {
      for (const { range: _range, ...batch } of batches.values())
        if (batchIds.includes(batch.batchId)) found.set(batch.batchId, { ...batch, commit: this.commitOf(batch) });
    }
    return found;
  }

  async martBuild(lineId: string, mart: string, partition: string, number: number): Promise<MartBuild | null> {
    const key = JSON.stringify([lineId, mart, partition]);
    const [first] = this.builds
      .filter((build) => build.key === key && build.number >= number)
      .sort((a, b) => a.number - b.number);
    return first ? { version: first.version, at: first.at } : null;
  }

  async batchesKnownAt(lineId: string, at: Date, upTo: number): Promise<BatchesKnown | 'behind' | 'forgotten'> {
    const commits = [...(this.commits.get(lineId)?.values() ?? [])].sort((a, b) => a.to - b.to);
    const held = commits.findLast((commit) => Date.parse(commit.at) <= +at);
    const number = held?.to ?? 0;
    const next = commits.find(({ to }) => to > number);
    if ((this.lines.get(lineId) ?? 0) < Math.max(upTo, number)) return 'behind';
    if (next ? held && next.from !== number + 1 : number < upTo) return 'behind';
    if (next && next.from !== number + 1) return 'forgotten';
    if (number === 0) return { number, upTo: -1, except: [] };
    const batches = [...(this.batches.get(lineId)?.values() ?? [])];
    const ids = batches.filter((batch) => batch.number <= number).map(({ batchId }) => batchId);
    if (ids.length === 0) return 'forgotten';
    const highest = Math.max(...ids);
    const later = batches.filter((batch) => batch.number > number && batch.batchId < highest);
    return { number, upTo: highest, except: later.map(({ batchId }) => batchId).sort((a, b) => a - b) };
  }

  async prune(before: Date): Promise<void> {
    const old = (at: string): boolean => Date.parse(at) < +before;
    for (const [lineId, batches] of this.batches) {
      const last = Math.max(...[...batches.values()].filter((batch) => old(batch.landedAt)).map((b) => b.batchId));
      for (const [number, { landedAt, batchId }] of batches)
        if (number <= (this.lines.get(lineId) ?? 0) && old(landedAt) && batchId < last) batches.delete(number);
    }
    for (const commits of this.commits.values()) {
      const last = Math.max(...[...commits].filter(([, { at }]) => old(at)).map(([number]) => number));
      for (const [number, { at }] of commits) if (old(at) && number < last) commits.delete(number);
    }
    const newest = new Map<string, number>();
    for (const { key, number } of this.builds) newest.set(key, Math.max(number, newest.get(key) ?? 0));
    this.builds = this.builds.filter(({ key, number, at }) => !old(at) || newest.get(key) === number);
  }

  /** The first commit that reaches the number holds it. */
  private commitOf({ lineId, number }: { lineId: string; number: number }): TableCommit | null {
    const [first] = [...(this.commits.get(lineId)?.values() ?? [])]
      .filter(({ to }) => to >= number)
      .sort((a, b) => a.to - b.to);
    if (!first || first.from > number) return null;
    const { catalogVersion, tables, at } = first;
    return { catalogVersion, tables, at };
  }

  private follow(lineId: string): void {
    let number = this.lines.get(lineId) ?? 0;
    for (let next = this.batches.get(lineId)?.get(number + 1); next; next = this.batches.get(lineId)?.get(number + 1)) {
      number = next.number;
      if (!next.range) continue;
      const reached = this.reached(next.topic, next.partition);
      reached.landedTo = Math.max(reached.landedTo, next.range.to);
    }
    this.lines.set(lineId, number);
  }

  private reached(topic: string, partition: string): { countedTo: number; landedTo: number } {
    const partitions = child(this.landed, topic, () => new Map<string, { countedTo: number; landedTo: number }>());
    return child(partitions, partition, () => ({ countedTo: 0, landedTo: 0 }));
  }

  private lineOf(lineId: string | null): string {
    return lineId ?? [...this.lines.keys()].sort().at(-1) ?? '';
  }

  private add(key: { tenant: string; source: string; hour: string }, more: Partial<Counts>): void {
    const { tenant, source, hour } = key;
    const zero = { received: 0, landed: 0, duplicate: 0, quarantined: 0 };
    const row = child(this.counts, JSON.stringify([tenant, source, hour]), () => ({ tenant, source, hour, ...zero }));
    for (const name of Object.keys(zero) as (keyof Counts)[]) row[name] += more[name] ?? 0;
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function child<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
