import { isDate, isDateTime, isTime, STRING_FORMATS } from '../formats';

const OFFSET = /(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A time of JSON Schema (RFC 3339 full-time): with its offset, which a contract's time has not. */
export const isFullTime = (text: string): boolean => OFFSET.test(text) && isTime(text.replace(OFFSET, ''));

/** Formats that refuse text, by the names that shapes use. JSON Schema's `time` is `full-time` here. */
export const SHAPE_FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  ...STRING_FORMATS,
  date: isDate,
  time: isTime,
  'full-time': isFullTime,
  'date-time': isDateTime,
};

/** Text of each format, ordinary ones first; where a comparison looks for a counter-example. */
export const FORMAT_SAMPLES: Readonly<Record<string, readonly string[]>> = {
  uuid: [
    '6f1c1a52-58f0-4bb4-9d1e-3b7f3f2c9a10',
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
  ],
  email: [
    'someone@example.org',
    'a@b',
    `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.example`,
  ],
  hostname: ['example.org', 'a', '1', `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`],
  uri: ['https://example.org/a', 'a:b', 'urn:x:1', `https://example.org/${'a'.repeat(8000)}`],
  ipv4: ['192.0.2.1', '0.0.0.0', '255.255.255.255'],
  ipv6: ['2001:db8::1', '::', '2001:0db8:0000:0000:0000:0000:192.168.100.100'],
  date: ['2013-02-01', '0001-01-01', '9999-12-31'],
  time: ['10:00:00', '00:00:00', '23:59:59.999999999'],
  'full-time': ['10:00:00Z', '00:00:00+00:00', '23:59:59.999999999-08:00'],
  'date-time': [
    '2013-02-01T10:00:00Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '2013-02-01t10:00:00+05:30',
  ],
};

interface FormatTexts {
  /** Accepts every text of the format; and no other where `exact`. */
  readonly pattern: string;
  readonly exact: boolean;
  readonly min: number;
  readonly max: number;
}

const SEGMENT = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])';
const CLOCK = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?';
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const LOCAL = "[A-Za-z0-9.!#$%&'*+\\/=?^_`\\{\\|\\}~-]+";

export const FORMAT_TEXTS: Readonly<Record<string, FormatTexts>> = {
  uuid: {
    pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
    exact: true,
    min: 36,
    max: 36,
  },
  ipv4: { pattern: `^(?:${SEGMENT}\\.){3}${SEGMENT}$`, exact: true, min: 7, max: 15 },
  time: { pattern: `^${CLOCK}$`, exact: true, min: 8, max: Infinity },
  'full-time': {
    pattern: `^${CLOCK}(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$`,
    exact: true,
    min: 9,
    max: Infinity,
  },
  date: { pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', exact: false, min: 10, max: 10 },
  'date-time': {
    pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]${CLOCK}(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$`,
    exact: false,
    min: 20,
    max: Infinity,
  },
  hostname: { pattern: `^${LABEL}(?:\\.${LABEL})*$`, exact: false, min: 1, max: 253 },
  email: { pattern: `^${LOCAL}@${LABEL}(?:\\.${LABEL})*$`, exact: false, min: 3, max: 318 },
  ipv6: { pattern: '^[0-9a-fA-F:.]{2,45}(?:%[0-9a-zA-Z.:-]+)?$', exact: false, min: 2, max: Infinity },
  uri: { pattern: '^[a-zA-Z][a-zA-Z0-9+.-]*:[^\\s\\p{Cc}<>"\\{\\}\\|\\\\^`]*$', exact: false, min: 2, max: 8192 },
};
