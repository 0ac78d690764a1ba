/** Fields of one profile. */
export const PROFILE_FIELDS_MAX = 400;
/** Fields of one object: one with more has names that are data. */
export const OBJECT_FIELDS_MAX = 150;
/** Objects within objects that are looked into; the payload is the first. */
export const PROFILE_DEPTH_MAX = 8;
/** UTF-16 code units of a field's name. */
export const FIELD_NAME_CHARS_MAX = 128;
/** Kinds of events that one batch is profiled by: tenant, source, type and contract. */
export const PROFILES_MAX = 64;
/** Of all profiles of a batch, as JSON. */
export const PROFILE_BYTES_MAX = 64 * 1024;
