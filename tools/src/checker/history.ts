/**
 * What clients did, in their own words (after Jepsen's histories): an operation is invoked, and then it is `ok`
 * (acknowledged), `fail` (refused: nothing of it may ever be seen), `info` (nobody knows), or says nothing more, which
 * is `info` too. One entry a line of JSONL.
 */
export interface SentItem {
  /** Under which it is one thing, however often and in whatever form it is sent. */
  readonly key: string;
  /** Of what it says: equal for all its forms. */
  readonly hash: string;
  /** Of its bytes as they were sent; left out where the service forms them itself. */
  readonly bytes?: string;
  readonly fate: 'landed' | 'quarantined';
  /** Tables that must have it, once; default: the checker's. */
  readonly tables?: readonly string[];
}

export interface Invoked {
  readonly type: 'invoke';
  /** Unique in the history; a repeated request is an operation of its own. */
  readonly op: number;
  readonly route: string;
  readonly atMs: number;
  readonly items: readonly SentItem[];
}

export interface Completed {
  readonly type: 'ok' | 'fail' | 'info';
  readonly op: number;
  readonly atMs: number;
  readonly status?: number;
  /** The answer was the stored one of an earlier operation: this one added nothing. */
  readonly replayed?: boolean;
  /** Indexes of items that the answer refused one by one: nothing of them was kept. */
  readonly refused?: readonly number[];
}

export type HistoryEntry = Invoked | Completed;

/**
 * Reads a history line by line. A last line that was cut off by a crash of its writer is left out.
 *
 * @throws Error naming the line for one that is no entry
 */
export function* parseHistory(lines: Iterable<string>): Generator<HistoryEntry> {
  let line = 0;
  let broken: number | null = null;
  for (const text of lines) {
    line++;
    if (broken !== null) break;
    if (text.trim() === '') continue;
    const entry = entryOf(text);
    if (entry === null) broken = line;
    else yield entry;
  }
  if (broken !== null && line !== broken) throw new Error(`line ${broken} of the history is no entry of one`);
}

function entryOf(text: string): HistoryEntry | null {
  try {
    const entry = JSON.parse(text) as Partial<HistoryEntry> | null;
    if (typeof entry?.op !== 'number') return null;
    if (entry.type === 'invoke') return Array.isArray(entry.items) ? (entry as Invoked) : null;
    return entry.type === 'ok' || entry.type === 'fail' || entry.type === 'info' ? (entry as Completed) : null;
  } catch {
    return null;
  }
}
