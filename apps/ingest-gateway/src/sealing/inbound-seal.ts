import type { Random } from '@millrace/observability';
import { type DailyKeys, type NamedKey, sealRecords } from '@millrace/privacy';
import type { CapturedItem } from '../capture/append-queue';
import type { RecordHeaders } from '../capture/reception';

export interface InboundSealDeps {
  /** Null where no master key is configured: items are then in clear until they are curated. */
  readonly keys: Pick<DailyKeys, 'atHand' | 'forToday' | 'prepare'> | null;
  /** Whether a contract in force classifies fields; null while that is not known. */
  readonly classify: () => boolean | null;
  readonly random: Pick<Random, 'bytes'>;
  /** Calls `fn` once, after what has arrived by now was handled. */
  readonly soon: (fn: () => void) => void;
}

/** The key of the day cannot be had, and nothing is appended in clear instead. */
export class SealUnavailable extends Error {
  readonly code = 'SEAL_UNAVAILABLE';
  constructor(cause: unknown) {
    super('the key that items wait under until they are curated cannot be had', { cause });
  }
}

/** What is sealed as one: some milliseconds, so that nobody waits long for the event loop. */
const GROUP_ITEMS_MAX = 1_000;
const GROUP_BYTES_MAX = 1 << 20;

/**
 * Seals what is appended under the day's key where a contract in force classifies fields, or where that is not known yet:
 * what is in an item that nobody has read cannot be told from its type. Costs nothing where nothing is classified.
 */
export class InboundSeal {
  private trouble: unknown = null;

  constructor(private readonly deps: InboundSealDeps) {}

  /** Of a key that is needed and cannot be had. */
  ready(): true | string {
    return this.trouble === null ? true : 'the key that items wait under until they are curated cannot be had';
  }

  /** Of a deployment in which personal data waits in clear. */
  notice(): string | null {
    return this.deps.keys === null && this.deps.classify() === true
      ? 'contracts in force classify fields, and events wait for their curation in clear: set MASTER_KEY_FILE'
      : null;
  }

  /** To be called now and then: makes the keys of today and tomorrow, so that no request waits for them. Never rejects. */
  async prepare(): Promise<void> {
    if (!this.isNeeded()) {
      this.trouble = null;
      return;
    }
    await this.deps.keys?.prepare().then(
      () => (this.trouble = null),
      (error: unknown) => (this.trouble = this.deps.keys?.atHand() ? null : error),
    );
  }

  /** The items as they are appended. @throws SealUnavailable while the day's key cannot be had */
  seal(items: readonly CapturedItem[]): readonly CapturedItem[] | Promise<readonly CapturedItem[]> {
    if (!this.isNeeded()) return items;
    const key = this.deps.keys?.atHand();
    if (key && items.length <= GROUP_ITEMS_MAX) return [...groupsOf(items)].flatMap((group) => this.sealed(group, key));
    return this.sealInTurns(items);
  }

  private isNeeded(): boolean {
    return this.deps.keys !== null && this.deps.classify() !== false;
  }

  private async sealInTurns(items: readonly CapturedItem[]): Promise<CapturedItem[]> {
    const key = await this.key();
    const sealed: CapturedItem[] = [];
    for (const group of groupsOf(items)) {
      if (sealed.length > 0) await new Promise<void>((resolve) => this.deps.soon(resolve));
      for (const item of this.sealed(group, key)) sealed.push(item);
    }
    return sealed;
  }

  private async key(): Promise<NamedKey> {
    try {
      const key = await this.deps.keys?.forToday();
      if (!key) throw new Error('no master key is configured');
      this.trouble = null;
      return key;
    } catch (error) {
      this.trouble = error;
      throw new SealUnavailable(error);
    }
  }

  private sealed(group: readonly CapturedItem[], key: NamedKey): CapturedItem[] {
    const { headers, values } = sealRecords(
      group[0].headers as RecordHeaders,
      group.map(({ value }) => value),
      key,
      this.deps.random,
    );
    return values.map((value) => ({ headers, value }));
  }
}

/** Items that follow each other and share their headers, in pieces that are sealed at once. */
function* groupsOf(items: readonly CapturedItem[]): Generator<readonly CapturedItem[]> {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < items.length; i++) {
    const isOther = i > from && items[i].headers !== items[from].headers;
    if (isOther || i - from >= GROUP_ITEMS_MAX || (i > from && bytes + items[i].value.length > GROUP_BYTES_MAX)) {
      yield items.slice(from, i);
      from = i;
      bytes = 0;
    }
    bytes += items[i].value.length;
  }
  if (from < items.length) yield items.slice(from);
}
