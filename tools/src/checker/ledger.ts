import type { Findings } from './findings';
import type { Completed, HistoryEntry, Invoked, SentItem } from './history';

/** What is known of one key. */
export interface Account {
  readonly key: string;
  readonly hash: string;
  readonly fate: SentItem['fate'];
  readonly tables: readonly string[];
  /** Hashes of all forms in which it was sent; null once one was sent whose bytes are not known. */
  bytes: string[] | null;
  /** Times sent, by outcome. `stored`: acknowledged by an operation that must have added a copy. */
  acknowledged: number;
  stored: number;
  unknown: number;
  refused: number;
  /** Times seen. */
  raw: number;
  landed: number;
  duplicate: number;
  quarantined: number;
  /** Of those in quarantine: unread. */
  poisoned: number;
  readonly rows: Map<string, number>;
}

/** Operations by outcome, and items of them. */
export interface HistoryCounts {
  attempted: number;
  acknowledged: number;
  refused: number;
  unknown: number;
  itemsSent: number;
  itemsAcknowledged: number;
}

/** The history as accounts by key: what was attempted, and what was promised of it. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  readonly counts: HistoryCounts = {
    ...{ attempted: 0, acknowledged: 0, refused: 0, unknown: 0 },
    ...{ itemsSent: 0, itemsAcknowledged: 0 },
  };
  private readonly open = new Map<number, readonly SentItem[]>();
  private readonly closed = new Set<number>();

  constructor(
    private readonly findings: Findings,
    private readonly tables: readonly string[],
  ) {}

  add(entry: HistoryEntry): void {
    if (entry.type === 'invoke') this.invoke(entry);
    else this.complete(entry);
  }

  /** Operations without an outcome have none any more. */
  close(): void {
    for (const op of [...this.open.keys()]) this.complete({ type: 'info', op, atMs: 0 });
  }

  private invoke({ op, items }: Invoked): void {
    if (this.open.has(op) || this.closed.has(op)) return this.findings.add('history', `operation ${op} begins twice`);
    this.open.set(op, items);
    this.counts.attempted++;
    this.counts.itemsSent += items.length;
    for (const item of items) this.attempt(item);
  }

  private attempt({ key, hash, bytes, fate, tables = this.tables }: SentItem): void {
    const account = this.accounts.get(key);
    if (!account) {
      this.accounts.set(key, {
        ...{ key, hash, fate, tables, bytes: bytes === undefined ? null : [bytes] },
        ...{ acknowledged: 0, stored: 0, unknown: 0, refused: 0 },
        ...{ raw: 0, landed: 0, duplicate: 0, quarantined: 0, poisoned: 0, rows: new Map() },
      });
      return;
    }
    if (account.hash !== hash || account.fate !== fate)
      this.findings.add('history', `${key} was sent with two contents`);
    if (bytes === undefined) account.bytes = null;
    else if (account.bytes && !account.bytes.includes(bytes)) account.bytes.push(bytes);
  }

  private complete({ type, op, replayed = false, refused = [] }: Completed): void {
    const items = this.open.get(op);
    if (!items) {
      const what = this.closed.has(op) ? 'ends twice' : 'ends and has not begun';
      return this.findings.add('history', `operation ${op} ${what}`);
    }
    this.open.delete(op);
    this.closed.add(op);
    const { counts } = this;
    if (type === 'ok') counts.acknowledged++;
    else if (type === 'fail') counts.refused++;
    else counts.unknown++;
    const out = new Set(refused);
    items.forEach(({ key }, index) => {
      const account = this.accounts.get(key) as Account;
      if (type === 'fail' || out.has(index)) account.refused++;
      else if (type === 'info') account.unknown++;
      else {
        counts.itemsAcknowledged++;
        account.acknowledged++;
        if (!replayed) account.stored++;
      }
    });
  }
}
