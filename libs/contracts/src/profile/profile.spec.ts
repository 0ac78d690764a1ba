import fc from 'fast-check';
import {
  foldProfile,
  mergeHistories,
  presentOf,
  type ProfileHistory,
  PROFILE_BYTES_MAX,
  PROFILE_FIELDS_MAX,
  Profiler,
  OTHER_SOURCES,
  PROFILES_MAX,
  SOURCES_MAX,
} from './index';

const AT = '2026-01-01T00:00:00.000Z';

function profileOf(payloads: readonly unknown[]) {
  const profiler = new Profiler();
  for (const payload of payloads) profiler.observe('t', 'http', 'x', null, payload);
  return profiler.done();
}

test('counts what is there, of which type, and between which bounds', () => {
  const { profiles, unprofiled } = profileOf([
    { a: 1, b: 'x', c: null, o: { d: '2026-01-01' } },
    { b: 'longer', a: -2.5, l: [1, 2, 3] },
    { a: 2 ** 60, b: true, o: { d: '2026-01-01T00:00:00Z', e: {} } },
  ]);
  expect(unprofiled).toBe(0);
  expect(profiles).toEqual([
    {
      ...{ tenant: 't', source: 'http', eventType: 'x', contract: null, events: 3, overflow: 0 },
      fields: [
        { path: '$.payload', objects: 3 },
        { path: '$.payload.a', integers: 1, fractions: 1, bigIntegers: 1, min: -2.5, max: 2 ** 60 },
        { path: '$.payload.b', strings: 2, booleans: 1, longest: 6, sampled: 2 },
        { path: '$.payload.c', nulls: 1 },
        { path: '$.payload.o', objects: 2 },
        { path: '$.payload.o.d', strings: 2, longest: 20, sampled: 2, dates: 1, timestamps: 1 },
        { path: '$.payload.o.e', objects: 1 },
        { path: '$.payload.l', arrays: 1, longest: 3 },
      ],
    },
  ]);
});

test('events of other kinds have profiles of their own, up to a limit', () => {
  const profiler = new Profiler();
  for (let i = 0; i < 10_000; i++) profiler.observe('t', 'http', `type-${i}`, null, { a: i });
  const { profiles, unprofiled } = profiler.done();
  expect(profiles).toHaveLength(PROFILES_MAX);
  expect(unprofiled).toBe(10_000 - PROFILES_MAX);
});

test('sources are told apart, up to a limit, and no event is left out for that', () => {
  const profiler = new Profiler();
  for (let i = 0; i < 20_000; i++)
    profiler.observe('t', `s${i % 5_000 < 3_000 ? i % 3 : i}`, `type-${i % 2}`, null, { [`f${i % 4}`]: i });
  const { profiles, unprofiled } = profiler.done();
  expect(unprofiled).toBe(0);
  for (const type of ['type-0', 'type-1']) {
    const of = profiles.filter(({ eventType }) => eventType === type);
    expect(of).toHaveLength(SOURCES_MAX + 1);
    expect(new Set(of.map(({ source }) => source))).toContain(OTHER_SOURCES);
    expect(of.reduce((sum, { events }) => sum + events, 0)).toBe(10_000);
  }
  expect(profiles.filter(({ source }) => source === 's0').map(({ events }) => events)).toEqual([2_000, 2_000]);
});

test('a source among many kinds keeps its name, and many sources of many kinds are all counted', () => {
  const kinds = PROFILES_MAX / 2;
  const one = new Profiler();
  for (let i = 0; i < kinds; i++) one.observe('t', 'http', `type-${i}`, null, { a: i });
  expect(new Set(one.done().profiles.map(({ source }) => source))).toEqual(new Set(['http']));
  const many = new Profiler();
  for (let i = 0; i < kinds * 50; i++) many.observe('t', `s${i}`, `type-${i % kinds}`, null, { a: i });
  expect(many.done().unprofiled).toBe(0);
});

test('stays within its room, whatever the events are', () => {
  const names = (n: number, chars: number) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`${i}`.padEnd(chars, 'é'), i]));
  const deep = Array.from({ length: 60 }).reduce<unknown>((below) => ({ below }), 1);
  const hostile = [
    names(10_000, 8),
    { o: names(140, 128), p: names(140, 128) },
    { o: names(149, 100), p: names(149, 100), q: names(149, 90) },
    deep,
    names(1, 100_000),
  ];
  for (const payload of hostile) {
    const { profiles, unprofiled } = profileOf([payload]);
    expect(Buffer.byteLength(JSON.stringify(profiles))).toBeLessThanOrEqual(PROFILE_BYTES_MAX);
    expect(profiles[0].fields.length).toBeLessThanOrEqual(PROFILE_FIELDS_MAX);
    expect(unprofiled).toBe(0);
    expect(profiles[0].overflow).toBeGreaterThan(0);
  }
  expect(profileOf([hostile[0]]).profiles[0].fields).toEqual([{ path: '$.payload', objects: 1, wide: true }]);
});

test('a field is counted as often as it is there, in whatever order fields come', () => {
  const payload = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
  );
  fc.assert(
    fc.property(fc.array(payload, { minLength: 1 }), (payloads) => {
      const plain = payloads.map((each) => JSON.parse(JSON.stringify(each)) as Record<string, unknown>);
      const fields = profileOf(plain).profiles[0].fields;
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        const there = plain.filter((each) => Object.hasOwn(each, name)).length;
        const field = fields.find(({ path }) => path === `$.payload.${name}`);
        expect(field ? presentOf(field) : 0).toBe(there);
      }
    }),
  );
});

test('profiles add up to the profile of all', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 1 })), {
        minLength: 2,
        maxLength: 30,
      }),
      fc.nat(),
      (payloads, at) => {
        const plain = payloads.map((each) => JSON.parse(JSON.stringify(each)) as unknown);
        const cut = at % plain.length;
        const parts = [plain.slice(0, cut), plain.slice(cut)].filter((part) => part.length > 0);
        const folded = parts.reduce<ProfileHistory | null>(
          (history, part) => foldProfile(history, profileOf(part).profiles[0], AT),
          null,
        );
        const whole = foldProfile(null, profileOf(plain).profiles[0], AT);
        const byPath = (history: typeof whole) => [...history.fields].sort((a, b) => (a.path < b.path ? -1 : 1));
        expect(byPath(folded as ProfileHistory)).toEqual(byPath(whole));
        expect(mergeHistories([whole, whole]).events).toBe(2 * plain.length);
      },
    ),
  );
});
