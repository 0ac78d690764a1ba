/**
 * Every place between two durable steps of every service, in the order in which they are passed. A process may end at
 * each of them; `npm run chaos -- --failpoints` ends one there.
 */
export const PLACES = {
  'ingest-gateway': [
    /** An Idempotency-Key is taken; its request is not handled yet. */
    'key-taken',
    /** Requests are gathered; nothing of them is in the log. */
    'before-append',
    /** They are in the log; nobody has an answer. */
    'after-append',
    /** An append broke off and may be in the log; it is not repeated yet. */
    'append-unknown',
    /** The answer is kept under its key, and not given. */
    'answer-kept',
    /** A key was given back because its request came to nothing. */
    'key-abandoned',
  ],
  'curation-worker': [
    /** An epoch is registered, with no partition yet. */
    'registered',
    /** A partition is taken over. */
    'partition-taken',
    /** It is noted that less than what failed before is tried. */
    'trial-noted',
    'before-begin',
    'after-position',
    'after-claims',
    'after-parquet',
    'after-fates',
    'after-raw',
    'after-quarantine',
    'after-tally',
    'before-commit',
    /** The connection broke in COMMIT; it has not been asked what became of it. */
    'commit-unknown',
    'after-commit',
    'after-ack',
    /** It is noted which rows a replay tries next. */
    'replay-noted',
    /** A replayed batch has landed; nothing else knows. */
    'replay-landed',
    /** An event that waits is taken, to be tried again. */
    'retry-taken',
    /** batches.staged is sent, and still in the outbox. */
    'after-announce',
    /** Windows are counted; nobody was told. */
    'windows-folded',
    /** kpi.windows is sent, and still in the outbox. */
    'after-windows',
    /** It is recorded how far the tables are; the message that said so is not acknowledged. */
    'progress-confirmed',
    /** A silent worker is declared dead; its files are there. */
    'declared-dead',
    /** Its files are deleted; it is not marked as collected. */
    'orphans-deleted',
    /** Staged files that every destination has passed are deleted; their manifests name them. */
    'staged-deleted',
    /** What was under way when an erasure was asked for has landed; its subject's key is there. */
    'erasure-drained',
    /** The key is destroyed. */
    'erasure-destroyed',
    /** Something was searched for what is left, and that is on record. */
    'erasure-searched',
  ],
  'table-manager': [
    /** A contract version is written, and in no index. */
    'contract-written',
    /** The index is written; nobody was told. */
    'contracts-indexed',
    /** Batches are remembered; their messages are not acknowledged. */
    'received',
    'planned',
    /** Data files are written that no version names. */
    'data-written',
    /** One table has a commit that others lack; with the table's id. */
    'committed',
    'catalog-written',
    'cursor-moved',
    /** A mart is rebuilt that no catalog names; with its id. */
    'built',
    'marts-catalog-written',
    'marts-recorded',
    /** A message is sent, and still in the outbox. */
    'outbox-appended',
    /** Rows that landed before their contract was inferred are in its table, and in no catalog; with the table's id. */
    'filled',
    /** A catalog names them; nobody was told, and it is not on record. */
    'fill-shown',
    /** Files are compacted in a version that no catalog names. */
    'compacted',
    /** A vacuum is on record, and has deleted nothing. */
    'vacuum-recorded',
    /** It has deleted, and is not on record as done. */
    'vacuumed',
    /** It is on record which rows an erasure deletes; they are all there. */
    'erasure-searched',
    /** One table lacks them, in a version that no catalog names; with the table's id. */
    'erasure-deleted',
    /** A catalog names all tables without them; marts are as before. */
    'erasure-shown',
    /** Old files are deleted; it is not on record. */
    'erasure-swept',
    /** It is on record which rows retention deletes, and marts' partitions are frozen; they are all there. With the table's id. */
    'retention-planned',
    /** The table lacks them, in a version that no catalog names; with its id. */
    'retention-removed',
    /** A catalog names it; nobody was told. */
    'retention-shown',
  ],
  'analytics-api': [
    /** Receipts are counted; their delivery is not acknowledged. */
    'receipts-counted',
    'fates-counted',
    'commit-recorded',
  ],
} as const;

export type FailpointService = keyof typeof PLACES;
export type PlaceOf<S extends FailpointService> = (typeof PLACES)[S][number];
