import { digestOf, encodeKeyFile, keyFilePath, keyFileVersion, KEYS_PREFIX, mintKey, type Role } from '@millrace/auth';
import { type Storage, StorageError } from '@millrace/storage';
import { type AuditRecord, type KeysChanged, TOPICS } from '@millrace/topics';
import type { KeyChange, KeyMessage, KeyRecord, KeyStore } from './port';

export interface ApiKeysDeps {
  readonly store: KeyStore;
  readonly storage: Pick<Storage, 'createIfAbsent' | 'list' | 'delete'>;
  readonly clock: { now(): number };
  readonly random: { bytes(count: number): Buffer };
  /** A UUID. */
  readonly newId: () => string;
  /** After a change, before its caller is answered. */
  readonly onChanged: () => Promise<void>;
}

export interface NewKey {
  readonly tenant: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly expiresAt: Date | null;
}

/** Live keys of one tenant. All keys are in one file, which every service holds in memory. */
export const KEYS_MAX = 1_000;
/** Older files are deleted: nobody reads but the newest, and whoever lists just now may still open the one before. */
const FILES_KEPT = 10;
const SERVICE = 'ingest-gateway';

export class TooManyKeys extends Error {}

/**
 * Makes and revokes API keys. A change is one transaction: the key's row, the next key file, and the messages that tell
 * of it. The file is written before the commit, so that whoever hears of the change finds it. A crash in between leaves a
 * file that says more than the table: a key whose secret nobody was told, or a revocation ahead of its time; `reconcile`
 * writes the next file from the table.
 */
export class ApiKeys {
  constructor(private readonly deps: ApiKeysDeps) {}

  /** @returns the key, which is shown this once */
  async create(by: string, { tenant, name, roles, expiresAt }: NewKey): Promise<{ record: KeyRecord; key: string }> {
    const { random, clock } = this.deps;
    const { id, key } = mintKey(random);
    const now = new Date(clock.now());
    const record: KeyRecord = {
      ...{ id, tenant, name, roles, hash: digestOf(key), createdAt: now, createdBy: by, expiresAt },
      ...{ revokedAt: null, lastUsedAt: null },
    };
    await this.deps.store.change(async (change) => {
      if ((await change.count(tenant, now)) >= KEYS_MAX) throw new TooManyKeys();
      await change.insert(record);
      await this.publish(change, now, [this.audit('api_key.created', by, record, now)]);
    });
    await this.deps.onChanged();
    return { record, key };
  }

  /** False where the tenant has no such key in force. */
  async revoke(by: string, tenant: string, id: string): Promise<boolean> {
    const now = new Date(this.deps.clock.now());
    const revoked = await this.deps.store.change(async (change) => {
      const record = await change.revoke(tenant, id, now);
      if (record) await this.publish(change, now, [this.audit('api_key.revoked', by, record, now)]);
      return record !== null;
    });
    if (revoked) await this.deps.onChanged();
    return revoked;
  }

  /** Writes the next file when the newest is not the one that the last committed change wrote. Returns whether it did. */
  async reconcile(): Promise<boolean> {
    const newest = await this.newestFile();
    if (newest === (await this.deps.store.version())) return false;
    const now = new Date(this.deps.clock.now());
    await this.deps.store.change((change) => this.publish(change, now, []));
    await this.deps.onChanged();
    return true;
  }

  private async publish(change: KeyChange, now: Date, told: readonly KeyMessage[]): Promise<void> {
    const { storage, newId } = this.deps;
    const keys = (await change.live(now)).map(({ id, tenant, roles, hash, expiresAt }) => ({
      ...{ id, tenant, roles, hash: hash.toString('hex'), expiresAt: expiresAt?.toISOString() ?? null },
    }));
    let version = change.version + 1;
    for (;;) {
      try {
        await storage.createIfAbsent(keyFilePath(version), encodeKeyFile({ version, keys }));
        break;
      } catch (error) {
        // Of a change that was never committed: this one comes after it.
        if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
        version = Math.max(version, await this.newestFile()) + 1;
      }
    }
    await change.published(version);
    const changed: KeysChanged = { version, at: now.toISOString() };
    await change.leave([...told, { id: newId(), topic: TOPICS.keysChanged.name, body: changed }]);
  }

  /** Deletes files that nobody reads any more. */
  async sweep(): Promise<void> {
    const { storage } = this.deps;
    const paths: string[] = [];
    for await (const { path } of storage.list(KEYS_PREFIX)) if (keyFileVersion(path) !== null) paths.push(path);
    for (const path of paths.sort().slice(0, -FILES_KEPT)) await storage.delete(path);
  }

  private async newestFile(): Promise<number> {
    let newest = 0;
    for await (const { path } of this.deps.storage.list(KEYS_PREFIX)) {
      newest = Math.max(newest, keyFileVersion(path) ?? 0);
    }
    return newest;
  }

  private audit(
    action: string,
    actor: string,
    { id, tenant, name, roles, expiresAt }: KeyRecord,
    now: Date,
  ): KeyMessage {
    const messageId = this.deps.newId();
    const body: AuditRecord = {
      ...{ id: messageId, at: now.toISOString(), tenant, service: SERVICE, action, subject: `key:${id}`, actor },
      detail: { name, roles, ...(expiresAt && { expiresAt: expiresAt.toISOString() }) },
    };
    return { id: messageId, topic: TOPICS.audit.name, body };
  }
}
