/** Limits of the public surface (API.md). All are inclusive. */
export const EVENT_BYTES_MAX = 1 << 20;
export const BATCH_BYTES_MAX = 16 << 20;
export const BATCH_ITEMS_MAX = 10_000;

/** A batch of one item is still a batch: nothing that a request may hold is too large for the log. */
export const RECORD_BYTES_MAX = BATCH_BYTES_MAX;

/**
 * What an item costs in memory beside its bytes while it waits: its view, its record, its receipt. Ten thousand items of
 * two bytes weigh megabytes.
 */
export const ITEM_OVERHEAD_BYTES = 256;

/** JSON of what the gateway knows of an item beside its bytes; a log's headers table takes no more an entry. */
export const RECORD_HEADERS_BYTES_MAX = 64 * 1024;

/** What a client is asked to wait when the log cannot take more now, seconds. */
export const RETRY_AFTER_SECONDS = 1;
/** … and when the log or a disk is full, which takes longer to mend, seconds. */
export const RETRY_AFTER_FULL_SECONDS = 30;
