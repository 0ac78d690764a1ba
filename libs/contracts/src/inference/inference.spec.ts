import fc from 'fast-check';
import { compile } from '../compile';
import { loadContract } from '../load-contract';
import { foldProfile, type ProfileHistory, Profiler } from '../profile';
import { adoptContract, evolveContract, inferContract, namesFor, nextVersion, slugOf, tableOf } from './index';

const free = { contract: () => false, table: () => false };

function seen(type: string, payloads: readonly unknown[], contract: string | null = null): ProfileHistory {
  const profiler = new Profiler();
  for (const payload of payloads) profiler.observe('t', 'http', type, contract, payload);
  const [profile] = profiler.done().profiles;
  return foldProfile(null, profile, '2026-01-01T00:00:00.000Z');
}

function infer(type: string, payloads: readonly unknown[]) {
  const made = inferContract(type, namesFor(type, free), seen(type, payloads));
  if ('why' in made) throw new Error(made.why);
  return { yaml: made.yaml, contract: loadContract(made.yaml) };
}

const columnsOf = (type: string, payloads: readonly unknown[]): Record<string, string> =>
  Object.fromEntries(compile(infer(type, payloads).contract).columns.map(({ name, type: of }) => [name, of]));

const many = (payload: unknown, n = 20): unknown[] => Array.from({ length: n }, () => payload);

describe('names', () => {
  it.each([
    ['order', 'orders'],
    ['inventory', 'inventory'],
    ['user_activity', 'user_activity'],
    ['shipments', 'shipments'],
    ['order.created', 'order_created'],
    ['OrderPlaced', 'order_placed'],
    ['com.example/Thing v2', 'com_example_thing_v2'],
    ['purchased', 'purchased'],
  ])('%s has the table %s', (type, table) => {
    expect(tableOf(slugOf(type))).toBe(table);
  });

  it('are others for types that would have the same', () => {
    const taken = { contract: () => false, table: (name: string) => name === 'orders' };
    expect(namesFor('Order', taken).table).toMatch(/^order_[0-9a-f]{8}$/);
    expect(namesFor('заказ', free).table).toMatch(/^type_[0-9a-f]{8}$/);
  });

  it('are safe for every type', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }), (type) => {
        const { contract, table } = namesFor(type, free);
        expect(contract).toMatch(/^[a-z][a-z0-9_]{0,99}$/);
        expect(table).toMatch(/^[a-z][a-z0-9_]{0,99}$/);
      }),
    );
  });
});

describe('a first contract', () => {
  const ORDER = {
    ...{ order_id: 'ord_1', customer_id: 'c1', order_date: '2026-01-02T03:04:05.000Z', status: 'placed' },
    ...{ items: [{ product_id: 'p', quantity: 1 }], total_amount: 25, currency: 'EUR', event_date: '2026-01-02' },
  };

  it('has a column for each field, of what its values are', () => {
    expect(columnsOf('order', [ORDER])).toEqual({
      ...{ order_id: 'string', customer_id: 'string', order_date: 'timestamp', status: 'string', items: 'string' },
      ...{ total_amount: 'double', currency: 'string', payload_event_date: 'date' },
    });
  });

  it('says that it is inferred, and lets every event land', () => {
    const { contract, yaml } = infer('order', [ORDER]);
    expect(contract).toMatchObject({
      ...{ inferred: 'unreviewed', name: 'order', table: 'clean.orders', version: '0.1.0', eventTypes: ['order'] },
      drift: { policy: 'evolve', typeClash: 'recover' },
    });
    expect(yaml).toContain('nobody has reviewed it');
    const compiled = compile(contract);
    for (const payload of [{}, [1], 'x', { order_id: 5 }, { ...ORDER, items: 'none' }])
      expect(compiled.validate(payload).length === 0 || compiled.recovers?.(payload)).toBe(true);
  });

  it.each([
    [many({ v: 5 }), 'long'],
    [[{ v: 5 }], 'double'],
    [[...many({ v: 5 }), { v: 5.5 }], 'double'],
    [[{ v: 2 ** 53 + 2 }], 'long'],
    [[{ v: 2 ** 53 + 2 }, { v: 0.5 }], 'string'],
    [[{ v: 1e30 }], 'string'],
    [[{ v: 1 }, { v: 'x' }], 'string'],
    [[{ v: true }], 'boolean'],
    [[{ v: true }, { v: 'x' }], 'string'],
    [[{ v: null }, { v: '2026-01-02' }], 'date'],
    [[{ v: '2026-01-02' }, { v: '2026-01-02T00:00:00Z' }], 'string'],
    [[{ v: [] }], 'string'],
    [[{ v: {} }], 'string'],
  ])('%j becomes %s', (payloads, type) => {
    expect(columnsOf('x', payloads)).toEqual({ v: type });
  });

  it('takes objects apart, and leaves those whose names are data as they are', () => {
    const ids = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`user-${i}`, i]));
    expect(columnsOf('x', [{ geo: { lat: 1.5, at: { zone: 'UTC' } }, scores: ids }])).toEqual({
      ...{ geo_lat: 'double', geo_at_zone: 'string', scores: 'string' },
    });
  });

  it('has safe and distinct columns whatever the fields are called', () => {
    const names = ['a b', 'a-b', 'A_B', '1st', 'event_id', '', 'constructor', "x'; DROP TABLE", 'größe', '数'];
    const columns = Object.keys(columnsOf('x', [Object.fromEntries(names.map((name) => [name, 'v']))]));
    expect(columns).toHaveLength(8);
    for (const column of columns) expect(column).toMatch(/^[A-Za-z][A-Za-z0-9_]*$/);
    expect(columns).toContain('payload_event_id');
  });

  it('is not made of what no columns can be made of', () => {
    for (const payloads of [[[1]], ['x'], [{}], [{ a: null }]])
      expect(inferContract('x', namesFor('x', free), seen('x', payloads))).toHaveProperty('why');
    const hostile = [Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, i]))];
    expect(inferContract('x', namesFor('x', free), seen('x', hostile))).toHaveProperty('why');
  });

  it('stays within its columns when every event brings other fields', () => {
    const payloads = Array.from({ length: 300 }, (_, i) => ({ o: { [`a${i % 140}`]: 1 }, p: { [`b${i % 140}`]: 1 } }));
    expect(Object.keys(columnsOf('x', payloads)).length).toBeLessThanOrEqual(200);
  });

  it('loads, whatever the events are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { minLength: 1, maxLength: 5 }),
        (payloads) => {
          const parsed = payloads.map((payload) => JSON.parse(JSON.stringify(payload)) as unknown);
          const made = inferContract('x', namesFor('x', free), seen('x', parsed));
          if ('why' in made) return;
          const compiled = compile(loadContract(made.yaml));
          for (const payload of parsed)
            expect(compiled.validate(payload).length === 0 || compiled.recovers?.(payload)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a next version', () => {
  const first = infer('x', [{ a: 'text', geo: { lat: 1.5 } }]);

  it('has columns for new fields, and all that it had', () => {
    const history = seen('x', [{ a: 'text', b: true, geo: { lat: 1, lon: 2.5 }, extra: { c: 'd' } }], 'x@0.1.0');
    const next = evolveContract(first.contract, first.yaml, history);
    expect(next).toMatchObject({ version: '0.2.0', widened: [] });
    expect([...(next?.added ?? [])].sort()).toEqual(['$.payload.b', '$.payload.extra', '$.payload.geo.lon']);
    const columns = compile(loadContract(next?.yaml ?? '')).columns.map(({ name }) => name);
    expect([...columns].sort()).toEqual(['a', 'b', 'extra_c', 'geo_lat', 'geo_lon']);
  });

  it('is not made where nothing is new', () => {
    expect(
      evolveContract(first.contract, first.yaml, seen('x', [{ a: 'y' }, {}, { a: null }, { z: null }])),
    ).toBeNull();
  });

  it('gives a field another column once its values often do not fit', () => {
    const whole = infer('x', many({ n: 5, day: '2026-01-02' }));
    const odd = (payload: unknown) =>
      evolveContract(whole.contract, whole.yaml, seen('x', [...many({ n: 5 }), ...many(payload, 6)]));
    expect(odd({ n: 5 })).toBeNull();
    expect(
      evolveContract(whole.contract, whole.yaml, seen('x', [...many({ n: 5 }, 500), ...many({ n: 5.5 }, 6)])),
    ).toBeNull();
    const columns = (payload: unknown) =>
      compile(loadContract(odd(payload)?.yaml ?? '')).columns.map(({ name, type }) => `${name} ${type}`);
    expect(columns({ n: 5.5 })).toEqual(['n_number double', 'day date']);
    expect(columns({ n: 'five' })).toEqual(['n_text string', 'day date']);
    expect(columns({ day: 'soon' })).toEqual(['n long', 'day_text string']);
  });

  it('takes no name that the table has from earlier versions', () => {
    const next = evolveContract(first.contract, first.yaml, seen('x', [{ b: true }]), [
      'event_id',
      'a',
      'geo_lat',
      'b',
    ]);
    expect(compile(loadContract(next?.yaml ?? '')).columns.map(({ name }) => name)).toEqual([
      'a',
      'geo_lat',
      'payload_b',
    ]);
  });

  it('of a contract that a person wrote keeps what they wrote, marks what is new, and comes before their next one', () => {
    const yaml = first.yaml
      .replace('version: 0.1.0', '# reviewed by K.\nversion: 1.4.2')
      .replace('  - property: inferred\n    value: unreviewed\n', '');
    const next = evolveContract(loadContract(yaml), yaml, seen('x', [{ a: 5, b: 'new' }]));
    expect(next).toMatchObject({ version: '1.4.3-inferred.1', added: ['$.payload.b'], widened: [] });
    expect(next?.yaml).toContain('# reviewed by K.');
    const again = evolveContract(loadContract(next?.yaml ?? ''), next?.yaml ?? '', seen('x', [{ c: 'newer' }]));
    expect(again?.version).toBe('1.4.3-inferred.2');
    expect(again?.yaml.match(/property: inferred\n +value: true/g)).toHaveLength(2);
  });

  it('is counted on whatever the version is called', () => {
    expect(nextVersion('2026-spring', false)).toBe('2026-spring.inferred.1');
    expect(nextVersion('7', false)).toBe('7-inferred.1');
    expect(nextVersion('1.0.0-rc.1', false)).toBe('1.0.0-rc.1.inferred.1');
    expect(nextVersion('0.9.0', true)).toBe('0.10.0');
  });

  it('is a person’s once they adopt it', () => {
    const adopted = adoptContract(first.contract, first.yaml);
    expect(loadContract(adopted.yaml)).toMatchObject({ version: '1.0.0', status: 'active', inferred: 'adopted' });
    expect(compile(loadContract(adopted.yaml)).columns).toEqual(compile(first.contract).columns);
  });
});
