import fc from 'fast-check';
import { isCalendarDate, normalizeTimestamp } from './timestamp';

const pad = (n: number, width: number): string => String(n).padStart(width, '0');

/** What Date makes of it, in our form. Date knows milliseconds only. */
function byDate(text: string): string {
  return new Date(text).toISOString().replace(/\.?0*Z$/, 'Z');
}

describe('normalizeTimestamp', () => {
  it('agrees with Date on the instant, whatever the offset', () => {
    const anyDay = fc.date({
      min: new Date('0001-01-03T00:00:00Z'),
      max: new Date('9999-12-29T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(anyDay, fc.integer({ min: -1439, max: 1439 }), fc.constantFrom('T', 't'), (date, offset, t) => {
        const sign = offset < 0 ? '-' : '+';
        const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60), 2)}:${pad(Math.abs(offset) % 60, 2)}`;
        const text = `${date.toISOString().slice(0, 23)}${zone}`;
        expect(normalizeTimestamp(text.replace('T', t))).toBe(byDate(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('accepts the dates of the calendar and no others', () => {
    const day = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 0, max: 33 }),
    );
    fc.assert(
      fc.property(day, ([y, m, d]) => {
        const date = `${pad(y, 4)}-${pad(m, 2)}-${pad(d, 2)}`;
        // Date rolls 30 February over to March: a date exists if it comes back as it was.
        const parsed = new Date(`${date}T00:00:00Z`);
        const exists = !Number.isNaN(parsed.getTime()) && parsed.toISOString().slice(0, 10) === date;
        expect([date, isCalendarDate(date)]).toEqual([date, exists]);
        expect(normalizeTimestamp(`${date}T01:02:03Z`)).toBe(exists ? `${date}T01:02:03Z` : null);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is its own normal form, and equal instants have equal texts', () => {
    for (const text of [
      '2013-01-31T10:00:00Z',
      '2013-01-31T10:00:00.000Z',
      '2013-01-31t10:00:00z',
      '2013-01-31T05:00:00-05:00',
      '2013-01-31T10:00:00.0000000001Z',
    ]) {
      expect(normalizeTimestamp(text)).toBe('2013-01-31T10:00:00Z');
    }
  });

  it.each([
    ['2021-11-25T21:56:00.653866570Z', '2021-11-25T21:56:00.653866Z'],
    ['2021-12-31T23:59:59.9999999Z', '2021-12-31T23:59:59.999999Z'],
    ['2021-06-01T00:00:00.120Z', '2021-06-01T00:00:00.12Z'],
    ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00Z'],
    ['2023-01-01T00:30:00.5+01:00', '2022-12-31T23:30:00.5Z'],
    ['2023-01-01T00:30:00-00:00', '2023-01-01T00:30:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ])('%s is %s', (text, normal) => expect(normalizeTimestamp(text)).toBe(normal));

  it.each([
    '2013-02-30T25:61:00Z',
    '2013-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2016-12-31T23:59:60Z',
    '2013-01-31T24:00:00Z',
    '2013-01-31T10:60:00Z',
    '2013-01-31T10:00:00',
    '2013-01-31T10:00Z',
    '2013-01-31 10:00:00Z',
    '2013-01-31T10:00:00.Z',
    '2013-01-31T10:00:00,5Z',
    '2013-01-31T10:00:00+0500',
    '2013-01-31T10:00:00+24:00',
    '2013-01-31T10:00:00+05:60',
    '2013-01-31T10:00:00Z ',
    ' 2013-01-31T10:00:00Z',
    '2013-01-31T10:00:00ZZ',
    '2013-1-31T10:00:00Z',
    '+02013-01-31T10:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2013-01-31T10:00:0\u0661Z',
    '1359626400',
    '',
  ])('%j is none', (text) => expect(normalizeTimestamp(text)).toBeNull());

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void normalizeTimestamp(text)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'0123T:-Zz.+ '), { minLength: 18, maxLength: 30 }),
        (c) => void normalizeTimestamp(c.join('')),
      ),
    );
  });
});
