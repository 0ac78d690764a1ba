/** Fields of one profile. */
export const PROFILE_FIELDS_MAX = 400;
/** Fields of one object: one with more has names that are data. */
export const OBJECT_FIELDS_MAX = 150;
/** Objects within objects that are looked into; the payload is the first. */
export const PROFILE_DEPTH_MAX = 8;
/** UTF-16 code units of a field's name. */
export const FIELD_NAME_CHARS_MAX = 128;
/** Kinds of events that one batch is profiled by: tenant, source, type and contract. */
export const PROFILES_MAX = 128;
/** With so many, no further source of a tenant, type and contract is told apart from its others. */
export const PROFILES_BY_SOURCE_MAX = 32;
/** Sources of one tenant, type and contract that a batch tells apart. */
export const SOURCES_MAX = 8;
/** Stands for all sources that are not told apart. */
export const OTHER_SOURCES = '';
/** Of all profiles of a batch, as JSON. */
export const PROFILE_BYTES_MAX = 64 * 1024;
