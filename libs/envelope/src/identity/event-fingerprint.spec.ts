import { decode } from '../decode/decode';
import { eventFingerprint } from './event-fingerprint';

function of(item: string, at = '2026-01-02T03:04:05.678Z'): string {
  const decoded = decode(Buffer.from(item), { format: 'event', tenant: 't', source: 's', at });
  if (!decoded.ok) throw new Error(decoded.refusal.rule);
  return eventFingerprint(decoded.envelope);
}

const EVENT = '{"event_id":"e","event_type":"x","event_time":"2020-01-01T00:00:00Z","payload":{"a":529,"b":[1,2]}}';

describe('eventFingerprint', () => {
  it.each([
    [
      'order and escapes',
      '{"payload":{"b":[1,2],"\\u0061":529.0},"event_time":"2020-01-01T01:00:00+01:00","event_type":"x","event_id":"e"}',
    ],
    ['another id', EVENT.replace('"e"', '"f"')],
  ])('does not change with %s', (_, item) => expect(of(item)).toBe(of(EVENT)));

  it.each([
    ['payload', EVENT.replace('529', '530')],
    ['type', EVENT.replace('"x"', '"y"')],
    ['time', EVENT.replace('2020-01-01', '2020-01-02')],
    ['version', EVENT.replace('{"event_id"', '{"event_version":2,"event_id"')],
  ])('changes with the %s', (_, item) => expect(of(item)).not.toBe(of(EVENT)));

  it('is the same for repetitions without a time, whenever they were accepted', () => {
    const flat = '{"event_type":"x","a":1}';
    expect(of(flat)).toBe(of(flat, '2026-01-03T00:00:00Z'));
  });

  it('changes with a digit beyond 2^53', () => {
    const long = (digits: string): string => of(`{"event_type":"x","n":${digits}}`);
    expect(long('9007199254740993')).not.toBe(long('9007199254740992'));
  });
});
