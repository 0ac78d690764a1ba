import type { Random } from '@millrace/observability';
import { derive, KEY_BYTES, type NamedKey, tokenKey, type TokenKey } from '@millrace/privacy';
import type { KeyStore, SubjectKeyRow } from './key-store';
import type { LakeKeys } from './lake-keys';
import { type Subject, subjectName } from './subject';

/** A subject's keys, out of the one random key that is stored. */
export interface SubjectKey {
  readonly id: number;
  readonly tokens: TokenKey;
  /** Of raw lines and quarantined items. */
  readonly seal: NamedKey;
  /** Tokens made lately, by what they stand for: a subject's values repeat, and finding one costs a tenth of making it. */
  readonly made: Map<string, string>;
}

const SEAL_ID = /^s([0-9a-z]+)$/;

/** What a subject's key is called by what it sealed, and by its tokens. */
export const sealId = (id: number): string => `s${id.toString(36)}`;

/** Number of the subject's key that `sealId` called so; null for what is no such name. */
export function subjectKeyNumber(name: string): number | null {
  const match = SEAL_ID.exec(name);
  const id = match ? parseInt(match[1], 36) : NaN;
  return Number.isSafeInteger(id) ? id : null;
}

export function subjectKey(id: number, key: Buffer): SubjectKey {
  const name = sealId(id);
  return { id, tokens: tokenKey(name, key), seal: { id: name, key: derive(key, 'seal') }, made: new Map() };
}

/**
 * Keys of subjects under one keys epoch, as many as are bounded. A key that is destroyed later is still found here: a
 * landing that uses it then fails at the number line, and is redone under the next epoch's view, which is empty.
 */
export class SubjectKeyView {
  private young = new Map<string, SubjectKey>();
  private old = new Map<string, SubjectKey>();

  constructor(
    readonly keysEpoch: number,
    private readonly store: Pick<KeyStore, 'ensure'>,
    private readonly lake: LakeKeys,
    private readonly random: Pick<Random, 'bytes'>,
    private readonly keysMax: number,
  ) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** The key where it is at hand; else `ensure` it first. */
  get(subject: Subject): SubjectKey | undefined {
    const name = subjectName(subject);
    const key = this.young.get(name);
    if (key) return key;
    const older = this.old.get(name);
    if (older) this.keep(name, older);
    return older;
  }

  /** Fetches these subjects' keys, and makes those that do not exist, in one call to the store. */
  async ensure(subjects: readonly Subject[]): Promise<ReadonlyMap<string, SubjectKey>> {
    const names = new Map<string, string>();
    const offered = subjects.flatMap((subject) => {
      const lookup = this.lake.lookup(subject);
      if (names.has(lookup)) return [];
      names.set(lookup, subjectName(subject));
      const key = Buffer.from(this.random.bytes(KEY_BYTES));
      return [{ lookup, tenant: subject.tenant, ...this.lake.wrap(key, lookup) }];
    });
    const found = new Map<string, SubjectKey>();
    for (const row of await this.store.ensure(offered)) {
      const name = names.get(row.lookup) as string;
      const key = subjectKey(row.id, this.lake.unwrap(row));
      found.set(name, key);
      this.keep(name, key);
    }
    return found;
  }

  /** Two generations: the older is dropped when the younger is full, so what is used stays. */
  private keep(name: string, key: SubjectKey): void {
    if (this.young.size >= this.keysMax / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(name, key);
  }
}

/** Unwraps a stored key. Throws KeyError. */
export const openSubjectKey = (lake: LakeKeys, row: SubjectKeyRow): SubjectKey => subjectKey(row.id, lake.unwrap(row));
