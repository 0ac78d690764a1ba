import type { Refusal } from '@millrace/envelope';
import type { ShadowRule, ShadowSample, ShadowTally } from '@millrace/topics';
import { groupOf } from '../quarantine/grouping';

/** Rules and sources that are told apart; what comes beyond counts in the totals only. */
const RULES_MAX = 100;
const SOURCES_MAX = 200;
const SAMPLES_MAX = 10;

/** What became of one item under both contracts. */
export interface Tried {
  readonly tenant: string;
  readonly source: string;
  /** By the contract in force; null where it takes the item. */
  readonly before: Refusal | null;
  /** By the proposed one. */
  readonly after: Refusal | null;
  readonly sample: ShadowSample | null;
}

interface RuleCount {
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  breaks: number;
  readonly sources: Record<string, number>;
  readonly samples: ShadowSample[];
}

type SourceCount = { -readonly [K in keyof ShadowTally['sources'][number]]: ShadowTally['sources'][number][K] };

/** Counts what a proposed contract would do. Two tallies add up: what was counted of a part can be set aside. */
export class Tally {
  private readonly counts = { items: 0, passes: 0, breaks: 0, heals: 0, fails: 0, unreadable: 0 };
  private readonly rules = new Map<string, RuleCount>();
  private readonly sources = new Map<string, SourceCount>();

  static of(saved: ShadowTally | undefined): Tally {
    const tally = new Tally();
    if (saved) tally.merge(saved);
    return tally;
  }

  get items(): number {
    return this.counts.items;
  }

  unreadable(): void {
    this.counts.items++;
    this.counts.unreadable++;
  }

  add({ tenant, source, before, after, sample }: Tried): void {
    const { counts } = this;
    counts.items++;
    const fate = before ? (after ? 'fails' : 'heals') : after ? 'breaks' : 'passes';
    counts[fate]++;
    const of = this.source(tenant, source);
    if (of) {
      of.items++;
      if (fate === 'breaks' || fate === 'heals') of[fate]++;
    }
    if (fate !== 'breaks' || !after) return;
    const { reason, rule, path } = groupOf(after, null, null);
    const group = this.rule({ reason, rule, path });
    if (!group) return;
    group.breaks++;
    count(group.sources, source, 1);
    if (sample && group.samples.length < SAMPLES_MAX) group.samples.push(sample);
  }

  merge(other: ShadowTally): void {
    for (const name of Object.keys(this.counts) as (keyof typeof this.counts)[]) this.counts[name] += other[name];
    for (const { tenant, source, items, breaks, heals } of other.sources) {
      const of = this.source(tenant, source);
      if (!of) continue;
      of.items += items;
      of.breaks += breaks;
      of.heals += heals;
    }
    for (const { breaks, sources, samples, ...key } of other.rules) {
      const group = this.rule(key);
      if (!group) continue;
      group.breaks += breaks;
      for (const [source, n] of Object.entries(sources)) count(group.sources, source, n);
      group.samples.push(...samples.slice(0, SAMPLES_MAX - group.samples.length));
    }
  }

  /** As it is saved and told. */
  shown(): ShadowTally {
    const rules: ShadowRule[] = [...this.rules.values()].map((rule) => ({
      ...rule,
      sources: { ...rule.sources },
      samples: [...rule.samples],
    }));
    return {
      ...this.counts,
      rules: rules.sort((a, b) => b.breaks - a.breaks),
      sources: [...this.sources.values()].map((source) => ({ ...source })).sort((a, b) => b.breaks - a.breaks),
    };
  }

  private rule({ reason, rule, path }: Pick<ShadowRule, 'reason' | 'rule' | 'path'>): RuleCount | undefined {
    const key = JSON.stringify([reason, rule, path]);
    let group = this.rules.get(key);
    if (!group && this.rules.size < RULES_MAX)
      this.rules.set(key, (group = { reason, rule, path, breaks: 0, sources: {}, samples: [] }));
    return group;
  }

  private source(tenant: string, source: string): SourceCount | undefined {
    const key = JSON.stringify([tenant, source]);
    let of = this.sources.get(key);
    if (!of && this.sources.size < SOURCES_MAX)
      this.sources.set(key, (of = { tenant, source, items: 0, breaks: 0, heals: 0 }));
    return of;
  }
}

function count(counts: Record<string, number>, name: string, n: number): void {
  // A source may be called __proto__.
  const before = Object.hasOwn(counts, name) ? (counts[name] as number) : 0;
  if (before > 0 || Object.keys(counts).length < SOURCES_MAX)
    Object.defineProperty(counts, name, { value: before + n, enumerable: true, configurable: true, writable: true });
}
