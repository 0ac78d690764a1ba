import type { KeyStore, LakeKeyRow, NewSubjectKey, SubjectKeyRow } from '../key-store';

/** A model of the store of keys: each call is one step. */
export class MemoryKeyStore implements KeyStore {
  private readonly lake: LakeKeyRow[] = [];
  private readonly subjects = new Map<string, SubjectKeyRow>();
  private readonly gone = new Map<number, string>();
  private nextId = 1;

  /** @param bumpKeysEpoch moves the line's keys epoch on */
  constructor(private readonly bumpKeysEpoch: () => void = () => undefined) {}

  async lakeKeys(): Promise<readonly LakeKeyRow[]> {
    return [...this.lake];
  }

  async addLakeKey(row: Omit<LakeKeyRow, 'id'>): Promise<void> {
    if (this.lake.some(({ purpose }) => purpose === row.purpose)) return;
    this.lake.push({ ...row, id: this.lake.length + 1 });
  }

  async ensure(keys: readonly NewSubjectKey[]): Promise<readonly SubjectKeyRow[]> {
    return keys.map(({ lookup, tenant, wrapId, wrapped }) => {
      let row = this.subjects.get(lookup);
      if (!row) this.subjects.set(lookup, (row = { lookup, id: this.nextId++, tenant, wrapId, wrapped }));
      return row;
    });
  }

  async find(lookups: readonly string[]): Promise<readonly SubjectKeyRow[]> {
    return lookups.flatMap((lookup) => this.subjects.get(lookup) ?? []);
  }

  async byIds(ids: readonly number[]): Promise<readonly SubjectKeyRow[]> {
    return [...this.subjects.values()].filter(({ id }) => ids.includes(id));
  }

  async destroy(lookups: readonly string[], erasureId: string): Promise<readonly number[]> {
    const ids = lookups.flatMap((lookup) => this.subjects.get(lookup)?.id ?? []);
    for (const lookup of lookups) this.subjects.delete(lookup);
    for (const id of ids) this.gone.set(id, erasureId);
    this.bumpKeysEpoch();
    return ids;
  }

  async destroyed(ids: readonly number[]): Promise<ReadonlySet<number>> {
    return new Set(ids.filter((id) => this.gone.has(id)));
  }
}
