/**
 * RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, no white space, strings and numbers as
 * ECMAScript writes them. One stated extension: a bigint, which stands for an integer literal beyond ±(2^53 − 1), is
 * written with all its digits, where the RFC's own number model would round it.
 *
 * @throws TypeError for what JSON does not have: NaN, infinities, undefined, functions, symbols, and for strings with a
 * lone surrogate, which have no UTF-8 form (RFC 8785, 3.2.2.2).
 */
export function canonicalize(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? canonicalArray(value) : canonicalObject(value as Record<string, unknown>);
    default:
      throw new TypeError(`${typeof value} has no JSON form`);
  }
}

function canonicalArray(values: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < values.length; i++) text += (i > 0 ? ',' : '') + canonicalize(values[i]);
  return `${text}]`;
}

function canonicalObject(object: Readonly<Record<string, unknown>>): string {
  // The default sort compares UTF-16 code units, which is the order that the RFC asks for.
  const keys = Object.keys(object).sort();
  let text = '{';
  for (let i = 0; i < keys.length; i++) {
    text += `${i > 0 ? ',' : ''}${canonicalString(keys[i])}:${canonicalize(object[keys[i]])}`;
  }
  return `${text}}`;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function canonicalString(text: string): string {
  const json = JSON.stringify(text);
  // JSON.stringify writes a lone surrogate as an escape; a text that holds the six characters themselves has `\\u`.
  if (json.includes('\\u') && LONE_SURROGATE.test(text)) throw new TypeError('a lone surrogate has no canonical form');
  return json;
}
