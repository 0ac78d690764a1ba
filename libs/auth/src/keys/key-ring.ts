import { digestOf, sameDigest } from '../digest';
import { principal, type Principal } from '../principal';
import { invalid, Refusal, unavailable } from '../refusal';
import { decodeKeyFile, type KeyEntry, keyFileVersion, KEYS_PREFIX } from './key-file';
import { keyIdOf } from './key-format';

/** What is needed of a storage to follow key files. */
export interface KeyFiles {
  get(path: string): Promise<Buffer>;
  list(prefix: string, options?: { startAfter?: string }): AsyncIterable<{ readonly path: string }>;
}

export interface KeyRingOptions {
  readonly files: KeyFiles;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds that never go backwards. */
  readonly monotonicMs: () => number;
  /** Without a look at storage for this long no key is accepted: one of them may have been revoked. */
  readonly staleMsMax: number;
}

interface HeldKey {
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/**
 * The API keys in force, followed by every service from files in storage and verified without asking anyone. A key that
 * was revoked is refused once the next look at storage has ended; `refresh` is called on `keys.changed` and by a timer,
 * so that a message that is lost delays it and no more. When storage cannot be looked at for `staleMsMax`, keys are
 * answered with 503: a revoked key is refused in time, or no key is accepted.
 */
export class KeyRing {
  private keys: ReadonlyMap<string, HeldKey> = new Map();
  private path: string | null = null;
  private lookedMs = -Infinity;
  private looking: Promise<void> | null = null;
  private readonly used = new Map<string, number>();

  constructor(private readonly options: KeyRingOptions) {}

  /** Version of the file in force; 0 while there is none. */
  get version(): number {
    return this.path === null ? 0 : (keyFileVersion(this.path) ?? 0);
  }

  /** True, or why keys are not accepted. */
  ready(): true | string {
    return this.stale() ? 'API keys have not been looked at for too long' : true;
  }

  /** Looks for a newer file. Concurrent calls share a look; a call during one gets the next. Rejects when storage fails. */
  async refresh(): Promise<void> {
    const before = this.looking;
    if (before) await before.catch(() => undefined);
    await (this.looking ??= this.look().finally(() => (this.looking = null)));
  }

  /** Whose key this is. Takes a few microseconds. */
  verify(text: string): Principal | Refusal {
    const id = keyIdOf(text);
    if (id === null) return invalid('malformed', 'This is no API key: its form or its checksum is wrong.');
    if (this.stale()) return unavailable('API keys cannot be checked now.');
    const held = this.keys.get(id);
    if (!held || !sameDigest(digestOf(text), held.digest)) {
      return invalid('unknown', 'The API key is unknown or was revoked.');
    }
    const now = this.options.now();
    if (now >= held.expiresAtMs) return invalid('expired', 'The API key has expired.');
    this.used.set(id, now);
    return held.principal;
  }

  /** When keys were used since the last call, milliseconds since the epoch by key id. */
  takeUses(): ReadonlyMap<string, number> {
    const uses = new Map(this.used);
    this.used.clear();
    return uses;
  }

  private stale(): boolean {
    return this.options.monotonicMs() - this.lookedMs > this.options.staleMsMax;
  }

  private async look(): Promise<void> {
    const began = this.options.monotonicMs();
    let newest: string | null = null;
    const after = this.path === null ? {} : { startAfter: this.path };
    for await (const { path } of this.options.files.list(KEYS_PREFIX, after)) {
      if (keyFileVersion(path) !== null && (newest === null || path > newest)) newest = path;
    }
    if (newest !== null) {
      const { keys } = decodeKeyFile(await this.options.files.get(newest));
      this.keys = new Map(keys.map((entry) => [entry.id, held(entry)]));
      this.path = newest;
    }
    this.lookedMs = began;
  }
}

function held({ id, tenant, roles, hash, expiresAt }: KeyEntry): HeldKey {
  return {
    digest: Buffer.from(hash, 'hex'),
    principal: principal('key', `key:${id}`, tenant, roles),
    expiresAtMs: expiresAt === null ? Infinity : Date.parse(expiresAt),
  };
}
