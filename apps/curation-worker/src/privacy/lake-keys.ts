import { createHmac } from 'node:crypto';
import type { Random } from '@millrace/observability';
import { derive, KEY_BYTES, KeyError, type MasterKeys, open, seal, tokenKey, type TokenKey } from '@millrace/privacy';
import { type KeyStore, LAKE_PURPOSES, type LakeKeyRow, type LakePurpose } from './key-store';
import type { Subject } from './subject';

const contextOf = (purpose: LakePurpose): string => `lake ${purpose}`;

/** The lake's own keys, unwrapped; kept for as long as the process lives. */
export class LakeKeys {
  private readonly tenants = new Map<string, TokenKey>();
  private readonly newest: Readonly<Record<LakePurpose, number>>;

  constructor(
    private readonly keys: ReadonlyMap<number, Buffer>,
    rows: readonly LakeKeyRow[],
    private readonly random: Pick<Random, 'bytes'>,
  ) {
    const newestOf = (wanted: LakePurpose): number =>
      Math.max(...rows.filter(({ purpose }) => purpose === wanted).map(({ id }) => id));
    this.newest = { lookup: newestOf('lookup'), token: newestOf('token'), wrap: newestOf('wrap') };
  }

  /** By which a subject's key is found: 64 hex digits that tell nothing without the lake's key. */
  lookup({ tenant, kind, value }: Subject): string {
    return createHmac('sha256', this.key(this.newest.lookup))
      .update(`${tenant.length}:${tenant}${kind.length}:${kind}${value}`)
      .digest('hex');
  }

  /** Of tokens that are the same for all subjects of a tenant. */
  tokens(tenant: string, id = this.newest.token): TokenKey {
    const name = `${id}/${tenant}`;
    let found = this.tenants.get(name);
    if (!found) {
      found = tokenKey(`l${id.toString(36)}`, derive(this.key(id), `tenant ${tenant}`));
      this.tenants.set(name, found);
    }
    return found;
  }

  wrap(key: Buffer, lookup: string): { wrapId: number; wrapped: Buffer } {
    const wrapId = this.newest.wrap;
    return { wrapId, wrapped: seal(this.key(wrapId), key, `subject ${lookup}`, this.random) };
  }

  unwrap({ wrapId, wrapped, lookup }: { wrapId: number; wrapped: Buffer; lookup: string }): Buffer {
    return open(this.key(wrapId), wrapped, `subject ${lookup}`);
  }

  private key(id: number): Buffer {
    const key = this.keys.get(id);
    if (!key) throw new KeyError('KEY_ABSENT', `the lake's key ${id} is not known here`);
    return key;
  }
}

/** Reads the lake's keys; makes those that it lacks. Rejects with a KeyError, or as the store does. */
export async function loadLakeKeys(
  store: Pick<KeyStore, 'lakeKeys' | 'addLakeKey'>,
  master: MasterKeys,
  random: Pick<Random, 'bytes'>,
): Promise<LakeKeys> {
  let rows = await store.lakeKeys();
  const missing = LAKE_PURPOSES.filter((wanted) => !rows.some(({ purpose }) => purpose === wanted));
  for (const purpose of missing) {
    const { by, bytes } = await master.wrap(Buffer.from(random.bytes(KEY_BYTES)), contextOf(purpose));
    await store.addLakeKey({ purpose, by, wrapped: bytes });
  }
  if (missing.length > 0) rows = await store.lakeKeys();
  const keys = new Map<number, Buffer>();
  for (const { id, purpose, by, wrapped } of rows)
    keys.set(id, await master.unwrap({ by, bytes: wrapped }, contextOf(purpose)));
  return new LakeKeys(keys, rows, random);
}
