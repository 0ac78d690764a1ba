import { createHash } from 'node:crypto';

const TABLE_NAME_CHARS_MAX = 80;
const COLUMN_NAME_CHARS_MAX = 120;

/** Endings after which a word gets no s: it has one, is a mass noun (inventory), or says what happened (created). */
const NO_PLURAL = /(?:s|x|z|y|ch|sh|ed|[0-9])$/;

/**
 * An event type as a contract's name: lower-case letters, digits and _, words kept apart. Empty where nothing is left of
 * it, as of a type in another script.
 */
export const slugOf = (eventType: string): string =>
  eventType
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '')
    .slice(0, TABLE_NAME_CHARS_MAX)
    .replace(/_+$/, '');

/**
 * A slug as a table's name. One word names a thing, and a table holds many: order, orders. Several words say what
 * happened or are a thing's attribute, and stay: user_activity, order_created.
 */
export const tableOf = (slug: string): string => (slug.includes('_') || NO_PLURAL.test(slug) ? slug : `${slug}s`);

/** Names for the contract and the table of an event type that are taken by nobody: else with a hash of the type. */
export function namesFor(
  eventType: string,
  taken: { contract(name: string): boolean; table(name: string): boolean },
): { readonly contract: string; readonly table: string } {
  const slug = slugOf(eventType);
  const hash = createHash('sha256').update(eventType).digest('hex').slice(0, 8);
  const plain = { contract: slug, table: tableOf(slug) };
  if (slug !== '' && !taken.contract(plain.contract) && !taken.table(plain.table)) return plain;
  const distinct = `${slug === '' ? 'type' : slug}_${hash}`;
  return { contract: distinct, table: distinct };
}

/** A name for a column that is a safe SQL identifier, and none of those taken (in lower case), to which it is added. */
export function columnName(wanted: string, taken: Set<string>): string {
  const safe = wanted
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .slice(0, COLUMN_NAME_CHARS_MAX);
  const base = /^[A-Za-z]/.test(safe) ? safe : `f_${safe.replace(/^_+/, '')}`.replace(/_$/, '');
  const candidates = [base, `payload_${base}`];
  for (let n = 2; ; n++) {
    const name = candidates.shift() ?? `${base}_${n}`;
    if (taken.has(name.toLowerCase())) continue;
    taken.add(name.toLowerCase());
    return name;
  }
}
