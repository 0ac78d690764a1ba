/** Limits of the public surface. All are inclusive. */
export const GENERATE_EVENTS_MAX = 10_000;
export const SEED_CHARS_MAX = 64;
/** Lines of one request of the demo data sets: what the gateway takes at once. */
export const PER_INGESTION_MAX = 10_000;

/** Events a second that a load may ask for. */
export const LOAD_RATE_MAX = 100_000;
export const LOAD_SECONDS_MAX = 24 * 3_600;
/** Events of one load; of each up to three bits are kept in memory, 7.5 MB of the largest load. */
export const LOAD_EVENTS_MAX = 20_000_000;
export const LOAD_EVENTS_PER_REQUEST_MAX = 1_000;
/** Loads that run at once. */
export const LOADS_RUNNING_MAX = 2;
/** Finished loads that can still be asked for; older ones are forgotten. */
export const LOADS_KEPT_MAX = 10;
/** Requests of one load on their way at once. */
export const LOAD_REQUESTS_MAX = 64;
/** Events of one load that are due and wait for a free request. What is due beyond them is not sent, and counted. */
export const LOAD_WAITING_EVENTS_MAX = 20_000;
