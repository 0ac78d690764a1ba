/** Limits of the public surface (API.md). All are inclusive. */
export const EVENT_BYTES_MAX = 1 << 20;
export const BATCH_BYTES_MAX = 16 << 20;
export const BATCH_ITEMS_MAX = 10_000;
/** What a client is asked to wait when the log cannot take more now, seconds. */
export const RETRY_AFTER_SECONDS = 1;
/** … and when the log is full, which takes longer to mend, seconds. */
export const RETRY_AFTER_FULL_SECONDS = 30;
