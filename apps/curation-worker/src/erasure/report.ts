import type { ErasedRows } from '@millrace/topics';

/** A place that was searched after an erasure, and what of the subject was found there. */
export interface Searched {
  /** `raw`, `quarantine`, `waiting`, `staged`, `tables`, `former versions`, `marts`, … */
  readonly place: string;
  /** Files or rows looked at. */
  readonly searched: number;
  readonly bytes?: number;
  /** Lines, items or rows that are the subject's by the name of its key. */
  readonly found: number;
  /** Of those, the ones that could still be read, or that should be gone. */
  readonly readable: number;
}

/** Something that an erasure leaves as it is. */
export interface Kept {
  readonly what: string;
  /** When it is gone; null for what stays. */
  readonly until: string | null;
}

/** A place that need not be searched, and why. */
export interface NotSearched {
  readonly place: string;
  readonly why: string;
}

export const NOT_SEARCHED: readonly NotSearched[] = [
  {
    place: 'topics',
    why: 'messages name ids, counts and places, and no value of a classified field; items in events.inbound are sealed, and those that are sealed are told on events.quarantined without their bytes',
  },
  {
    place: 'read models of analytics-api',
    why: 'they are counted from headers and from messages: receipts and fates by source and hour, batches, commits, the audit',
  },
  {
    place: 'answers under an Idempotency-Key',
    why: 'they are kept without the data that they repeat',
  },
  {
    place: 'loads and histories of dimensions',
    why: 'they hold what people loaded, and nothing of an event',
  },
];

/** What was found when everything was searched again after an erasure. */
export interface ErasureReport {
  readonly verifiedAt: string;
  readonly keys: { readonly destroyed: readonly string[]; readonly keysEpoch: number; readonly destroyedAt: string };
  readonly searched: readonly Searched[];
  /** Sum over all places; an erasure is done when it is 0. */
  readonly readable: number;
  readonly deleted: ErasedRows | null;
  /** Staged files that held rows of the subject, and are gone. */
  readonly stagedFiles: number;
  readonly kept: readonly Kept[];
  readonly notSearched: readonly NotSearched[];
  /** By then every backup has to be gone that was made while the key was there: ISO-8601. */
  readonly backupsExpireBy: string;
}

const DAY_MS = 86_400_000;

export interface KeptDeps {
  readonly rows: 'keep' | 'delete';
  readonly unnamed: { readonly items: number; readonly lastDay: string | null };
  readonly nowMs: number;
  readonly dailyKeepDays: number;
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** What an erasure does not reach, in plain words. */
export function keptOf({ rows, unnamed, nowMs, dailyKeepDays }: KeptDeps): Kept[] {
  const daysLater = (from: number): string => dateOf(from + dailyKeepDays * DAY_MS);
  return [
    {
      what: 'events without a classified value that is the subject’s: they hold no token, and nothing finds them by the subject',
      until: null,
    },
    ...(rows === 'keep'
      ? [
          { what: 'fields that no contract classifies, in the rows of clean tables and in marts', until: null },
          { what: 'tokens of the subject: nobody’s any more, and still equal to each other', until: null },
          { what: 'tokens of the lake, which are the same for all subjects', until: null },
        ]
      : [
          {
            what: 'smallest and largest values of deleted files’ columns, in the logs of the tables',
            until: dateOf(nowMs + 30 * DAY_MS),
          },
        ]),
    { what: 'raw lines of events that landed while no contract classified any of their fields', until: null },
    { what: 'event ids, dedupe keys and fingerprints: plain hashes and names, without a value', until: null },
    { what: 'accepted items in the log events.inbound, until it is trimmed', until: daysLater(nowMs) },
    ...(unnamed.items > 0
      ? [
          {
            what: `${unnamed.items} items of quarantine that name nobody: they are sealed under keys of their day`,
            until: unnamed.lastDay === null ? null : daysLater(Date.parse(unnamed.lastDay)),
          },
        ]
      : []),
  ];
}
