import { fromValue, type Json, JsonText } from './json-text';

const text = (json: string): Json => new JsonText(json);

/** Numbers at and beyond the ends of what somebody stores them in; some are no JSON. */
export const NUMBERS: readonly Json[] = [
  ...['0', '-0', '-1', '1e0', '0.1e1', '1E+2', '529.0', '0.30000000000000004', '1e-400', '5e-324'],
  ...['9007199254740993', '9223372036854775807', '9223372036854775808', '-9223372036854775809', '1e19'],
  ...['1.7976931348623157e308', '1e309', '-1e400', `1${'0'.repeat(400)}`, `0.${'0'.repeat(400)}1`, '1e99999999999'],
  ...['2147483648', '4294967296', '01', '+1', '.5', '1.', '0x10', 'NaN', 'Infinity', '-'],
].map(text);

/** What times may look like, near, far and never. */
export const TIMES: readonly Json[] = [
  ...['0001-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '10000-01-01T00:00:00Z'],
  ...['1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z', '2038-01-19T03:14:08Z', '2262-04-11T23:47:17Z'],
  ...['1677-09-21T00:12:43Z', '1582-10-10T00:00:00Z', '2999-01-01T00:00:00Z', '1800-06-15T12:00:00+00:00'],
  ...['2013-02-30T00:00:00Z', '2013-02-28T24:00:00Z', '2013-02-28T23:59:60Z', '2016-12-31T23:59:60Z'],
  ...['2013-02-01T00:00:00+14:00', '2013-02-01T00:00:00-12:00', '2013-02-01T00:00:00+23:59', '2013-02-01T00:00:00'],
  ...['2013-02-01T10:00:00.123456789Z', '2013-02-01t10:00:00z', '2013-02-01 10:00:00Z', '20130201T100000Z'],
  ...[
    '2013-02-01',
    '1359712800',
    '',
    'now',
    'infinity',
    '-infinity',
    '294277-01-01T00:00:00Z',
    '-4713-01-01T00:00:00Z',
  ],
  ...['+002013-02-01T00:00:00Z', '2013-13-01T00:00:00Z', '٢٠١٣-٠٢-٠١T٠٠:٠٠:٠٠Z'],
].map(fromValue);

/** Texts that end a text, a column, a line or a statement for somebody, or are none. */
export const TEXTS: readonly Json[] = [
  ...['', ' ', '\0', 'a\0b', '\u0001', '\u001f', '\u007f', '\t', '\n', '\r\n', '\u0085', '\u2028', '\ufeff', '\ufffe'],
  ...['"', "'", '`', '\\', '\\N', '\\.', '""', "''", ',', ';', '|', '\u0002', '\u0003', '\u001e', '$1', '%s', '{}'],
  ...["'; DROP TABLE clean.events; --", '${x}', '{{x}}', '<script>', '../../etc/passwd', 'C:\\nul', 'null', 'NULL'],
  ...['true', 'NaN', '1e309', '-0', '=1+1', '@x', '\u200b', '\u202e', '\u0301', 'e\u0301', 'é', 'ß', 'İ', 'ı', 'ﬁ'],
  ...['\u{1f600}', '\u{10ffff}', '👩‍👩‍👧‍👦', '\ud83d\ude00'.repeat(300), 'ø'.repeat(5_000), 'x'.repeat(100_000)],
  ...['\ud800', '\udfff', 'a\udc00b', '\ude00\ud83d'],
]
  .map(fromValue)
  .concat(['"\\ud800"', '"\\u0000"', '"\\x"', '"\\u12"', '"\u0001"', '"a', "'a'", '"\\ud83d\\u0041"'].map(text));

/** Names that mean something to JavaScript, SQL or the tables. */
export const NAMES: readonly string[] = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'toJSON', 'length'],
  ...['', ' ', '.', '*', '$', '"', "'", '\\', 'a.b', 'a"b', '\0', '\ud800', '\u{1f600}', 'select', 'x'.repeat(2_000)],
  ...['_event_id', '_raw_part', '_raw_line', '_batch', '_recovered', 'payload', 'event_id', 'EVENT_ID', 'Status'],
  ...['event_date', 'tenant', 'ingest_time', '0', '-1', 'ſtatus', 'ID', 'id'],
];

/** Values of every type. Texts, so that what is changed inside of one event is not changed in all. */
export const ANY: readonly Json[] = [
  ...['null', 'true', 'false', '0', '1', '-1.5', '""', '"a"', '"1"', '"true"', '[]', '{}', '[[]]', '[null]'],
  ...['[1,"a",null]', '{"a":null}', '{"a":{"b":[]}}', '["created"]', '{"value":1}', '[{"a":1},{"a":"b"}]'],
].map(text);
