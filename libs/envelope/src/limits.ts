/** Limits of one event. All are inclusive; characters are Unicode code points. */
export const ITEM_BYTES_MAX = 1 << 20;
/** Containers inside containers; the item's own object is the first. */
export const JSON_DEPTH_MAX = 64;
export const EVENT_ID_CHARS_MAX = 512;
/** An event type names tables and folders, so it is shorter than other names. */
export const EVENT_TYPE_CHARS_MAX = 200;
/** `POST /events` promises 1-100 characters. */
export const EVENTS_API_TYPE_CHARS_MAX = 100;
/** source, subject, trace_id and tenant_id. */
export const NAME_CHARS_MAX = 1024;
export const EVENT_VERSION_MAX = 2 ** 31 - 1;
/** Items of one request, unless the caller names another limit. */
export const BATCH_ITEMS_MAX = 10_000;
/** A JSON path in a refusal is cut after this many characters: a key may be as long as the item. */
export const PATH_CHARS_MAX = 512;
