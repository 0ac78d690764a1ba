import { isDate, isDateTime, isTime, STRING_FORMATS } from './formats';

describe('formats', () => {
  it.each([
    ['date', isDate, ['2012-02-29', '0001-01-01'], ['2013-02-29', '2013-2-1', '20130201', '2013-02-01 ', '0000-01-01']],
    [
      'timestamp',
      isDateTime,
      ['2013-01-31t10:00:00z', '2013-01-31T10:00:00.5+05:30'],
      ['2013-01-31T10:00:00', '2016-12-31T23:59:60Z', '2013-01-31 10:00:00Z'],
    ],
    ['time', isTime, ['00:00:00', '23:59:59.999'], ['24:00:00', '12:00', '12:00:00Z', '12:00:00.', '23:59:60']],
    [
      'uuid',
      STRING_FORMATS.uuid,
      ['6f1c1a52-58f0-4bb4-9d1e-3b7f3f2c9a10'],
      ['6f1c1a5258f04bb49d1e3b7f3f2c9a10', '{6f1c1a52-58f0-4bb4-9d1e-3b7f3f2c9a10}'],
    ],
    ['email', STRING_FORMATS.email, ['a@b.c', "o'neil+x@mail.example"], ['a', '@b', 'a@', 'a b@c', 'a@b..c', 'a@-b.c']],
    [
      'hostname',
      STRING_FORMATS.hostname,
      ['a.b', 'xn--bcher-kva.example'],
      ['a..b', '-a', 'a_b', '', `${'a'.repeat(64)}.b`],
    ],
    [
      'uri',
      STRING_FORMATS.uri,
      ['https://a.b/c?d#e', 'urn:isbn:1'],
      ['/a', 'a b', 'https://a b', 'https://a/\n', 'http://['],
    ],
    ['ipv4', STRING_FORMATS.ipv4, ['10.0.0.1'], ['10.0.0', '256.0.0.1', '010.0.0.1']],
    ['ipv6', STRING_FORMATS.ipv6, ['::1', '2001:db8::1'], ['1', '2001:db8']],
  ] as const)('%s is strict', (_name, check, good, bad) => {
    expect(good.filter((text) => !check(text))).toEqual([]);
    expect(bad.filter((text) => check(text))).toEqual([]);
  });
});
