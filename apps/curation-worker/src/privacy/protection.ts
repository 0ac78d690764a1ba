import type { Clock, Random } from '@millrace/observability';
import { DailyKeys, KeyError, type MasterKeys, type NamedKey } from '@millrace/privacy';
import type { Storage } from '@millrace/storage';
import type { ContractsInForce } from '../contracts/in-force';
import type { KeyStore } from './key-store';
import { type LakeKeys, loadLakeKeys } from './lake-keys';
import { type Person, SOMEBODY } from './subject';
import { type SubjectKey, SubjectKeyView } from './subject-keys';

const DAY_MS = 86_400_000;
/** Subjects' keys in memory, at most; about 1 KiB each. */
const SUBJECT_KEYS_MAX = 50_000;

export interface ProtectionDeps {
  readonly master: MasterKeys;
  readonly keys: KeyStore;
  readonly storage: Pick<Storage, 'createIfAbsent' | 'get' | 'list' | 'delete'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  /** Daily keys are kept for this many days; one that is absent before that has been lost, and may come back. */
  readonly dailyKeepDays: number;
}

/** What is needed to keep the personal data of a batch from being seen: keys of one epoch. */
export interface Protection {
  readonly subjects: SubjectKeyView;
  readonly lake: LakeKeys;
  /** Of what nobody can be named for. */
  readonly day: NamedKey;
}

/** The key that a person's bytes are sealed under; null for what is not sealed. */
export function sealKeyOf(person: Person, key: SubjectKey | null, protection: Protection | null): NamedKey | null {
  if (person === null || protection === null) return null;
  return person === SOMEBODY || key === null ? protection.day : key.seal;
}

/** Hands out the keys of the epoch that a batch is curated under. */
export class Protections {
  readonly daily: DailyKeys;
  private lake: Promise<LakeKeys> | null = null;
  private view: SubjectKeyView | null = null;

  constructor(private readonly deps: ProtectionDeps) {
    this.daily = new DailyKeys(deps);
  }

  /** Null where nothing asks for it: no key is then made or looked for. Rejects with a KeyError, or as the stores do. */
  async under(contracts: ContractsInForce, keysEpoch: number, sealedItems: boolean): Promise<Protection | null> {
    if (!sealedItems && !contracts.classify) return null;
    const lake = await this.lakeKeys();
    const day = this.daily.atHand() ?? (await this.daily.forToday());
    return { lake, day, subjects: this.viewOf(keysEpoch, lake) };
  }

  /** The key that inbound records are sealed under; null once it has expired. Rejects while it cannot be had. */
  async inboundKey(id: string): Promise<NamedKey | null> {
    const key = await this.daily.find(id);
    if (key || this.hasExpired(id)) return key;
    throw new KeyError('KEY_ABSENT', `the key ${id} of inbound records is not in storage, and has not expired`);
  }

  /** Whether a daily key may have been destroyed by now. */
  hasExpired(id: string): boolean {
    const days = (this.deps.clock.now() - Date.parse(id.slice(1))) / DAY_MS;
    return days >= this.deps.dailyKeepDays;
  }

  lakeKeys(): Promise<LakeKeys> {
    const { keys, master, random } = this.deps;
    this.lake ??= loadLakeKeys(keys, master, random).catch((error: unknown) => {
      this.lake = null;
      throw error;
    });
    return this.lake;
  }

  /** Forgets the subjects' keys of every other epoch than this. */
  purge(keysEpoch: number): void {
    if (this.view && this.view.keysEpoch !== keysEpoch) this.view = null;
  }

  /** A batch of an older epoch cannot land any more; it gets a view of its own rather than one with newer keys. */
  private viewOf(keysEpoch: number, lake: LakeKeys): SubjectKeyView {
    const { keys, random } = this.deps;
    if (this.view?.keysEpoch !== keysEpoch)
      this.view = new SubjectKeyView(keysEpoch, keys, lake, random, SUBJECT_KEYS_MAX);
    return this.view;
  }
}
