import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import type { ContractsInForce } from '../contracts/contracts-in-force';
import { publishContracts } from '../contracts/publish';
import { evolveOne } from './evolve-contracts';
import { type FillDeps, fillTables } from './fill';
import { inferTypes, type WaitingType } from './infer-types';
import { Pace } from './pace';
import {
  EVOLVE_EVERY_MS,
  type InferenceSettings,
  LOOK_EVERY_MS,
  OBSERVED_DAYS,
  PUBLISH_EVERY_MS,
  PUBLISH_EVERY_MS_MAX,
  TYPES_EVERY_MS,
} from './settings';

export interface InferenceDeps extends Omit<FillDeps, 'contracts'> {
  readonly storage: Storage;
  readonly contracts: ContractsInForce;
  readonly settings: InferenceSettings;
  /** Says that contracts changed. */
  readonly tell: (index: number) => Promise<void>;
  readonly monotonicMs: () => number;
  readonly failpoint: Failpoint<'table-manager'>;
}

const DAY_MS = 86_400_000;

/**
 * Contracts for events as they come: for types without one, and new versions for new fields; and their tables filled
 * with what landed before. Rounds of one process are one after another; of several each finds what the others did.
 * What many contracts need is gathered into one publication, and publications have one pace: however many types and
 * fields are new at once, landings have time between two changes.
 */
export class Inference {
  /** What commits saw since the last round; everything at first, since another process may have left something. */
  private readonly dirty = new Set<string | null>();
  private all = true;
  private lookedMs = -Infinity;
  private filling = true;
  /** Index of the contracts under which tables were last filled. */
  private filledUnder = -1;
  private forgotten: string | null = null;
  private typesMs = -Infinity;
  /** When contracts were last looked at in vain. */
  private readonly vainMs = new Map<string, number>();
  private readonly pace: Pace;
  /** Types that get no contract for now. */
  waiting: readonly WaitingType[] = [];

  constructor(private readonly deps: InferenceDeps) {
    const { monotonicMs } = deps;
    this.pace = new Pace({ msMin: PUBLISH_EVERY_MS, msMax: PUBLISH_EVERY_MS_MAX, monotonicMs });
  }

  /** Events that were checked against these contracts, or none (null), are committed. */
  committed(seen: readonly (string | null)[]): void {
    for (const contract of seen) this.dirty.add(contract);
  }

  /** Whether there is anything to look at. */
  get isDue(): boolean {
    return this.mayFill || (this.pace.isOpen && (this.mayLook || this.dirty.size > 0));
  }

  /** A commit of another process, which led before, may have come to be after this one looked at what it had left. */
  private get mayLook(): boolean {
    return this.all || this.deps.monotonicMs() - this.lookedMs >= LOOK_EVERY_MS;
  }

  /** A newer index may be another process's, which led beside this one for a moment, and left a table to be filled. */
  private get mayFill(): boolean {
    return this.filling || this.deps.contracts.current().index !== this.filledUnder;
  }

  /** Another process may have led meanwhile. */
  begin(): void {
    this.all = true;
    this.filling = true;
  }

  /** Resolves with whether something was done. */
  async round(): Promise<boolean> {
    const changed = await this.contracts();
    const filled = this.mayFill;
    if (filled) {
      const { index } = this.deps.contracts.current();
      this.filling = await fillTables(this.deps);
      this.filledUnder = index;
    }
    await this.forget();
    return changed || filled;
  }

  private async contracts(): Promise<boolean> {
    const { deps, pace } = this;
    const { monotonicMs } = deps;
    if (!pace.isOpen) return false;
    const seen = new Set(this.dirty);
    const all = this.mayLook;
    this.dirty.clear();
    this.all = false;
    if (all) this.lookedMs = monotonicMs();
    try {
      if (!all && seen.size === 0) return false;
      await deps.contracts.reload();
      const files = [];
      if (all || (seen.has(null) && monotonicMs() - this.typesMs >= TYPES_EVERY_MS)) {
        this.typesMs = monotonicMs();
        files.push(...(await this.types()));
      } else if (seen.has(null)) this.dirty.add(null);
      files.push(...(await this.versions(all ? null : seen)));
      if (files.length === 0) return false;
      const { index } = await publishContracts(deps.storage, files, deps.failpoint);
      pace.published();
      await deps.contracts.reload();
      await deps.tell(index);
      this.filling = true;
      return true;
    } catch (error) {
      this.all = true;
      throw error;
    }
  }

  private async types() {
    const { contracts, catalog, observations, storage, settings, now } = this.deps;
    const tables = (): ReadonlySet<string> => new Set(Object.keys(catalog.current?.tables ?? {}));
    const found = await inferTypes({ observations, storage, settings, now, tables }, contracts.current());
    this.waiting = found.waiting;
    if (found.pending) this.dirty.add(null);
    return found.files;
  }

  private async versions(seen: ReadonlySet<string | null> | null) {
    const { contracts, tables, observations, storage, settings, now, monotonicMs } = this.deps;
    const columnsOf = async (id: string): Promise<readonly string[]> =>
      (await tables.find(id))?.snapshot.fields.map(({ name }) => name) ?? [];
    const files = [];
    for (const contract of contracts.current().contracts) {
      const label = `${contract.name}@${contract.version}`;
      if (seen && !seen.has(label)) continue;
      if (monotonicMs() - (this.vainMs.get(contract.name) ?? -Infinity) < EVOLVE_EVERY_MS) {
        this.dirty.add(label);
        continue;
      }
      const { file, pending } = await evolveOne({ observations, storage, settings, now, columnsOf }, contract);
      if (file) files.push(file);
      else this.vainMs.set(contract.name, monotonicMs());
      if (pending) this.dirty.add(label);
    }
    return files;
  }

  /** Once a day. */
  private async forget(): Promise<void> {
    const { observations, now } = this.deps;
    const before = new Date(now() - OBSERVED_DAYS * DAY_MS).toISOString().slice(0, 10);
    if (before === this.forgotten) return;
    await observations.forgetBefore(before);
    this.forgotten = before;
  }
}
