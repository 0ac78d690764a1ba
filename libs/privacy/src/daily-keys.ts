import type { Clock, Random } from '@millrace/observability';
import { type Storage, StorageError } from '@millrace/storage';
import { KEY_BYTES } from './cipher';
import { KeyError } from './errors';
import type { MasterKeys } from './master-keys';

/** A key with its id, as sealed bytes name it. */
export interface NamedKey {
  readonly id: string;
  readonly key: Buffer;
}

export interface DayWithKey {
  /** `YYYY-MM-DD`, UTC. */
  readonly date: string;
  readonly madeAt: Date;
}

export interface DailyKeysDeps {
  readonly storage: Pick<Storage, 'createIfAbsent' | 'get' | 'list' | 'delete'>;
  readonly master: MasterKeys;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
}

const PREFIX = 'keys/daily/';
const DAY_MS = 86_400_000;
const ID = /^d(\d{4}-\d{2}-\d{2})$/;
const FILE = /^keys\/daily\/(\d{4}-\d{2}-\d{2})\.json$/;
/** A key of another day than today is read again after this long: it may have been destroyed by another process. */
const FRESH_MS = 600_000;
/** An absent key is looked for again after this long: it may have been put back. */
const ABSENT_MS = 10_000;

const pathOf = (date: string): string => `${PREFIX}${date}.json`;
const contextOf = (date: string): string => `daily ${date}`;
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Whether an id is a daily key's. */
export const isDailyKey = (id: string): boolean => ID.test(id);

/**
 * A key for each UTC day, shared by all services through immutable files in storage, wrapped by the master key. Bytes that
 * wait for curation or are in quarantine are sealed under the day's key; once a key's file is deleted, what it sealed is
 * gone, wherever copies of it are.
 *
 * Of several services that make a day's key at once one wins, and all use its key: the file is created if absent.
 */
export class DailyKeys {
  private readonly known = new Map<string, { readonly key: Promise<NamedKey>; readonly atMs: number }>();
  private readonly absent = new Map<string, number>();
  private today: NamedKey | null = null;

  constructor(private readonly deps: DailyKeysDeps) {}

  /** Today's key where it is at hand, so that a hot path need not wait; else null: ask `forToday`. */
  atHand(): NamedKey | null {
    return this.today?.id === `d${dateOf(this.deps.clock.now())}` ? this.today : null;
  }

  /** Today's key; made if it is not there. Rejects with a KeyError or StorageError. */
  async forToday(): Promise<NamedKey> {
    const key = await this.forDate(dateOf(this.deps.clock.now()));
    this.today = key;
    return key;
  }

  /** Makes tomorrow's key, so that nobody waits for it at midnight. */
  async prepare(): Promise<void> {
    await this.forToday();
    await this.forDate(dateOf(this.deps.clock.now() + DAY_MS));
  }

  /** The key of an id, or null where there is none. Rejects where that cannot be known. */
  async find(id: string): Promise<NamedKey | null> {
    const date = ID.exec(id)?.[1];
    if (date === undefined) return null;
    const since = this.absent.get(date);
    if (since !== undefined && this.deps.clock.now() - since < ABSENT_MS) return null;
    try {
      return await this.remember(date, () => this.read(date));
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND')) throw error;
      this.absent.set(date, this.deps.clock.now());
      return null;
    }
  }

  /** Days that have a key, the oldest first, and since when by storage's clock. */
  async days(): Promise<DayWithKey[]> {
    const days: DayWithKey[] = [];
    for await (const { path, modifiedAt } of this.deps.storage.list(PREFIX)) {
      const date = FILE.exec(path)?.[1];
      if (date !== undefined) days.push({ date, madeAt: modifiedAt });
    }
    return days;
  }

  /** Destroys the key of a day: what it sealed can never be read again. */
  async destroy(date: string): Promise<void> {
    await this.deps.storage.delete(pathOf(date));
    this.known.delete(date);
    if (this.today?.id === `d${date}`) this.today = null;
  }

  /** Forgets keys that are held in memory; those that have been destroyed elsewhere are then absent here too. */
  forget(): void {
    this.known.clear();
    this.today = null;
  }

  private forDate(date: string): Promise<NamedKey> {
    return this.remember(date, async () => {
      try {
        return await this.read(date);
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND')) throw error;
      }
      await this.make(date);
      return this.read(date);
    });
  }

  private remember(date: string, read: () => Promise<NamedKey>): Promise<NamedKey> {
    const nowMs = this.deps.clock.now();
    const found = this.known.get(date);
    if (found && (date >= dateOf(nowMs) || Math.abs(nowMs - found.atMs) < FRESH_MS)) return found.key;
    const key = read();
    this.known.set(date, { key, atMs: nowMs });
    key.then(
      () => this.absent.delete(date),
      () => {
        if (this.known.get(date)?.key === key) this.known.delete(date);
      },
    );
    return key;
  }

  private async make(date: string): Promise<void> {
    const { storage, master, random } = this.deps;
    const { by, bytes } = await master.wrap(Buffer.from(random.bytes(KEY_BYTES)), contextOf(date));
    const file = Buffer.from(JSON.stringify({ v: 1, by, key: bytes.toString('base64') }));
    try {
      await storage.createIfAbsent(pathOf(date), file);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'STORAGE_EXISTS')) throw error;
    }
  }

  private async read(date: string): Promise<NamedKey> {
    const { storage, master } = this.deps;
    const text = (await storage.get(pathOf(date))).toString('utf8');
    const { by, key } = parse(date, text);
    return { id: `d${date}`, key: await master.unwrap({ by, bytes: Buffer.from(key, 'base64') }, contextOf(date)) };
  }
}

function parse(date: string, text: string): { by: string; key: string } {
  try {
    return JSON.parse(text) as { by: string; key: string };
  } catch (cause) {
    throw new KeyError('KEY_MISMATCH', `the key file of ${date} cannot be read`, { cause });
  }
}
