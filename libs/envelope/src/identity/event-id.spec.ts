import { derivedEventId, mintEventId } from './event-id';

const UUID = (version: number): RegExp =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);

describe('mintEventId', () => {
  it('is a UUIDv7 of the given time and random bytes', () => {
    const id = mintEventId({ now: () => 0x017f22e279b0 }, { bytes: (n) => Buffer.alloc(n, 0xff) });
    expect(id).toBe('017f22e2-79b0-7fff-bfff-ffffffffffff');
  });

  it('sorts by time', () => {
    const at = (ms: number): string => mintEventId({ now: () => ms }, { bytes: (n) => Buffer.alloc(n, ms % 256) });
    const ids = [1, 2, 1_000, 1_700_000_000_000, 1_700_000_000_001].map(at);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(UUID(7));
  });
});

describe('derivedEventId', () => {
  it('is the same for the same request, as a UUIDv8', () => {
    expect(derivedEventId('t', 'POST /events', 'key', 0)).toBe(derivedEventId('t', 'POST /events', 'key', 0));
    expect(derivedEventId('t', 'POST /events', 'key', 0)).toMatch(UUID(8));
  });

  it('differs with tenant, route, key and index, however their texts join', () => {
    const ids = [
      derivedEventId('t', 'r', 'k', 0),
      derivedEventId('t', 'r', 'k', 1),
      derivedEventId('t', 'r', 'k1', 0),
      derivedEventId('tr', '', 'k', 0),
      derivedEventId('t', 'rk', '', 0),
      derivedEventId('', 'tr', 'k', 0),
      derivedEventId('t', 'r1:k', '', 0),
      derivedEventId('t1:r', '', 'k', 0),
      derivedEventId('t', 'r', 'k', 10),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
