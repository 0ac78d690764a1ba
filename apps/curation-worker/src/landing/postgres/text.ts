/** U+0000 and halves of surrogate pairs: with the u flag the class matches only halves without their other half. */
const UNSTORABLE = /[\0\ud800-\udfff]/gu;

/** Makes a text one that Postgres can hold: what it cannot becomes U+FFFD. The exact bytes are in `raw`. */
export const storable = (text: string): string => text.replace(UNSTORABLE, '\ufffd');

export const storableOrNull = (text: string | null): string | null => (text === null ? null : storable(text));
