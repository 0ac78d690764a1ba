/**
 * How names are written in keys: `=name`; nothing where there is none; `*` for all names beyond the number that is
 * counted apart.
 */
export const NO_NAME = '';
export const OTHER_NAMES = '*';

export const written = (name: string | null): string => (name === null ? NO_NAME : `=${name}`);

/** Null for none and for the others. */
export const readName = (text: string): string | null => (text.startsWith('=') ? text.slice(1) : null);
