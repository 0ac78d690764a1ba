import fc from 'fast-check';
import { Checker, type Report } from './checker';
import { FINDING_CODES, type FindingCode } from './findings';
import type { Invoked } from './history';
import { faithfulRun, type PlannedOperation, type Run, TABLES, tell } from './testing/faithful-run';
import type { Vacuity } from './vacuity';

const ASKING_NOTHING: Vacuity = { faultsMin: 0, acknowledgedMin: 0, acknowledgedShareMin: 0, landedMin: 0 };

function check(run: Run, vacuity: Vacuity = ASKING_NOTHING): Report {
  const checker = new Checker({ tables: TABLES, vacuity });
  tell(checker, run);
  return checker.finish();
}

const codes = (report: Report): FindingCode[] => report.findings.map(({ code }) => code);

/** 1 and 2 land, 5 is damaged, 1 comes three times, 7 was refused, 8 is unknown and came, 9 is unknown and did not. */
const OPERATIONS: readonly PlannedOperation[] = [
  {
    items: [
      { n: 1, form: 0 },
      { n: 2, form: 0 },
      { n: 5, form: 0 },
    ],
    end: 'ok',
    stored: true,
  },
  { items: [{ n: 1, form: 1 }], end: 'info', stored: true },
  {
    items: [
      { n: 1, form: 0 },
      { n: 4, form: 0 },
    ],
    end: 'ok',
    stored: true,
  },
  { items: [{ n: 7, form: 0 }], end: 'fail', stored: false },
  { items: [{ n: 8, form: 0 }], end: 'none', stored: true },
  { items: [{ n: 9, form: 0 }], end: 'info', stored: false },
  { items: [3, 6, 11, 12, 13].map((n) => ({ n, form: 0 })), end: 'ok', stored: true },
];

const without = <T>(list: T[], matches: (item: T) => boolean): void => {
  const at = list.findIndex(matches);
  if (at < 0) throw new Error('there is nothing to take away');
  list.splice(at, 1);
};
/** All traces of an item but its rows, as if it had never come. */
const forget = (run: Run, key: string): void => {
  without(run.raw, (seen) => seen.key === key);
  without(run.fates, (seen) => seen.key === key);
};
const swap = <T>(list: T[], matches: (item: T) => boolean, change: (item: T) => NoInfer<T>): void => {
  const at = list.findIndex(matches);
  list[at] = change(list[at]);
};

/** Each is something that a broken system could do, and the name under which it must be found. */
const DEFECTS: readonly [what: string, code: FindingCode, plant: (run: Run) => void][] = [
  [
    'acknowledges before it writes, and dies',
    'lost',
    (run) => {
      forget(run, 'k2');
      for (const table of TABLES) without(run.rows, (seen) => seen.table === table && seen.row.key === 'k2');
    },
  ],
  ['drops all but one of the acknowledged copies', 'copy-lost', (run) => [1, 2].forEach(() => forget(run, 'k1'))],
  [
    'appends a retried append twice',
    'multiplied',
    (run) => {
      run.raw.push({ key: 'k2', bytes: 'bytes 2 form 0' });
      run.fates.push({ key: 'k2', fate: 'duplicate' });
    },
  ],
  ['lands what nobody sent', 'phantom', (run) => run.rows.push({ table: TABLES[0], row: { key: 'k99', hash: '' } })],
  ['keeps raw what nobody sent', 'phantom', (run) => run.raw.push({ key: 'k99' })],
  ['keeps what it refused', 'refused-kept', (run) => run.raw.push({ key: 'k7', bytes: 'bytes 7 form 0' })],
  [
    'alters a payload',
    'altered',
    (run) =>
      swap(
        run.rows,
        ({ row }) => row.key === 'k2',
        (seen) => ({ ...seen, row: { ...seen.row, hash: 'says 2.0' } }),
      ),
  ],
  [
    'alters raw bytes',
    'altered',
    (run) =>
      swap(
        run.raw,
        ({ key }) => key === 'k2',
        () => ({ key: 'k2', bytes: 'bytes 2 form 9' }),
      ),
  ],
  [
    'inserts a row twice in one table',
    'twice',
    (run) => run.rows.push({ table: TABLES[1], row: { key: 'k2', hash: 'says 2' } }),
  ],
  [
    'lets a redelivery land again',
    'twice',
    (run) =>
      swap(
        run.fates,
        ({ fate }) => fate === 'duplicate',
        (seen) => ({ ...seen, fate: 'landed' as const }),
      ),
  ],
  [
    'skips a table',
    'missing-row',
    (run) => without(run.rows, ({ table, row }) => table === TABLES[1] && row.key === 'k4'),
  ],
  [
    'inserts a row of a batch that did not land',
    'stray-row',
    (run) => run.rows.push({ table: TABLES[0], row: { key: 'k5', hash: 'says 5' } }),
  ],
  [
    'puts a row into a table of another type',
    'stray-row',
    (run) => run.rows.push({ table: TABLES[1], row: { key: 'k3', hash: 'says 3' } }),
  ],
  ['stages a raw part and forgets a row', 'no-fate', (run) => without(run.fates, ({ key }) => key === 'k4')],
  [
    'quarantines what is good',
    'wrong-fate',
    (run) =>
      swap(
        run.fates,
        ({ key }) => key === 'k4',
        (seen) => ({ ...seen, fate: 'quarantined' as const }),
      ),
  ],
  [
    'lands what is damaged',
    'wrong-fate',
    (run) =>
      swap(
        run.fates,
        ({ key }) => key === 'k5',
        (seen) => ({ ...seen, fate: 'landed' as const }),
      ),
  ],
  ['counts a duplicate twice', 'miscount', (run) => run.fates.push({ key: 'k1', fate: 'duplicate' })],
  [
    'skips a number',
    'line',
    (run) =>
      swap(
        run.batches,
        ({ number }) => number === 1,
        (b) => ({ ...b, number: 9 }),
      ),
  ],
  ['gives a number twice', 'line', (run) => run.batches.push({ ...run.batches[0], batchId: 5 })],
  ['lands a batch under two numbers', 'line', (run) => run.batches.push({ ...run.batches[0], number: 3 })],
  [
    'miscounts a batch',
    'batch-counts',
    (run) =>
      swap(
        run.batches,
        () => true,
        (batch) => ({ ...batch, landed: batch.landed + 1 }),
      ),
  ],
  ['never commits the last batch', 'uncommitted', (run) => void run.catalog--],
  [
    'loses a receipt',
    'conservation',
    (run) =>
      swap(
        run.conservation,
        () => true,
        (row) => ({ ...row, received: row.received - 1 }),
      ),
  ],
  [
    'counts a receipt and its fate twice',
    'conservation',
    (run) =>
      swap(
        run.conservation,
        () => true,
        (row) => ({ ...row, received: row.received + 1, landed: row.landed + 1 }),
      ),
  ],
  [
    'leaves one pending',
    'pending',
    (run) =>
      swap(
        run.conservation,
        () => true,
        (row) => ({ ...row, pending: 1, landed: row.landed - 1 }),
      ),
  ],
  [
    'builds a mart off by one',
    'mart',
    (run) =>
      swap(
        run.marts,
        () => true,
        (mart) => ({ ...mart, actual: [{ ...mart.actual[0], n: 2 }, ...mart.actual.slice(1)] }),
      ),
  ],
  [
    'leaves a mart partition stale',
    'mart',
    (run) =>
      swap(
        run.marts,
        () => true,
        (mart) => ({ ...mart, actual: mart.actual.slice(1) }),
      ),
  ],
  [
    'has a client that says two things under one key',
    'history',
    (run) =>
      run.history.push({
        ...{ type: 'invoke', op: 100, route: 'r', atMs: 0 },
        items: [{ key: 'k1', hash: 'other', fate: 'landed' }],
      }),
  ],
  ['has a client that ends twice', 'history', (run) => run.history.push({ type: 'ok', op: 0, atMs: 0 })],
  ['compares no cell of a mart', 'vacuous', (run) => void run.marts.splice(0)],
];

it('finds nothing wrong with a run that keeps every promise', () => {
  const report = check(faithfulRun(OPERATIONS));
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ ok: true, keys: 12, keysAcknowledged: 9, batches: 2 });
  expect(report.seen).toEqual({ raw: 12, landed: 9, duplicate: 2, quarantined: 1 });
});

it.each(DEFECTS)('finds a system that %s: %s', (_what, code, plant) => {
  const run = faithfulRun(OPERATIONS);
  plant(run);
  const report = check(run);
  expect(report.ok).toBe(false);
  expect(codes(report)).toContain(code);
});

it('has a planted defect for each of its findings', () => {
  expect(new Set(DEFECTS.map(([, code]) => code))).toEqual(new Set(FINDING_CODES));
});

describe('a vacuous run', () => {
  const asked: Vacuity = {
    ...{ faultsMin: 1, acknowledgedMin: 9, acknowledgedShareMin: 0.7, landedMin: 9 },
    ...{ duplicatesMin: 2, quarantinedMin: 1, unknownMin: 3, targets: ['a'] },
  };

  it('is told from one that met everything', () => {
    expect(check(faithfulRun(OPERATIONS), asked).findings).toEqual([]);
  });

  it.each<[string, Partial<Vacuity>]>([
    ['injected too little', { faultsMin: 2 }],
    ['spared a target', { targets: ['a', 'b'] }],
    ['never reached a place', { places: ['after the write'] }],
    ['acknowledged too little', { acknowledgedMin: 10 }],
    ['acknowledged too small a share', { acknowledgedShareMin: 0.8 }],
    ['landed too little', { landedMin: 10 }],
    ['met too few duplicates', { duplicatesMin: 3 }],
    ['quarantined too little', { quarantinedMin: 2 }],
    ['knew every outcome', { unknownMin: 4 }],
  ])('is one that %s', (_what, more) => {
    expect(codes(check(faithfulRun(OPERATIONS), { ...asked, ...more }))).toEqual(['vacuous']);
  });
});

describe('any run', () => {
  const operations = fc.array(
    fc.record({
      items: fc.array(fc.record({ n: fc.nat(25), form: fc.nat(2) }), { minLength: 1, maxLength: 6 }),
      end: fc.constantFrom('ok', 'ok', 'ok', 'fail', 'info', 'none'),
      stored: fc.boolean(),
    }),
    { minLength: 1, maxLength: 25 },
  ) as fc.Arbitrary<PlannedOperation[]>;
  const landsSomething = (run: Run): boolean => run.fates.some(({ fate }) => fate === 'landed');

  it('that keeps every promise passes, whatever was repeated, refused or left unknown', () => {
    fc.assert(
      fc.property(operations, (planned) => {
        const run = faithfulRun(planned);
        fc.pre(landsSomething(run));
        expect(check(run).findings).toEqual([]);
      }),
    );
  });

  it('passes in any order of what was observed', () => {
    fc.assert(
      fc.property(operations, fc.infiniteStream(fc.nat(1_000)), (planned, order) => {
        const run = faithfulRun(planned);
        fc.pre(landsSomething(run));
        for (const list of [run.raw, run.fates, run.rows, run.batches, run.conservation] as unknown[][]) {
          const places = new Map(list.map((item) => [item, order.next().value as number]));
          list.sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
        }
        expect(check(run).findings).toEqual([]);
      }),
    );
  });

  it('that loses, doubles or alters any one thing does not pass', () => {
    const lists = ['raw', 'fates', 'rows', 'batches', 'conservation'] as const;
    fc.assert(
      fc.property(operations, fc.constantFrom(...lists), fc.constantFrom('drop', 'double'), fc.nat(), (...drawn) => {
        const [planned, name, deed, at] = drawn;
        const run = faithfulRun(planned);
        fc.pre(landsSomething(run));
        const list = run[name] as unknown[];
        const place = at % list.length;
        if (deed === 'drop') list.splice(place, 1);
        else list.push(list[place]);
        expect(check(run).ok).toBe(false);
      }),
    );
  });
});

it('takes an operation that was answered from store as acknowledged, and as no other copy', () => {
  const run = faithfulRun([{ items: [{ n: 1, form: 0 }], end: 'info', stored: true }]);
  const [{ items }] = run.history as Invoked[];
  run.history.push({ type: 'invoke', op: 50, route: 'r', atMs: 1, items });
  run.history.push({ type: 'ok', op: 50, atMs: 2, replayed: true });
  const report = check(run);
  expect(report).toMatchObject({ ok: true, keysAcknowledged: 1 });
});

it('takes items that an answer refused one by one as refused', () => {
  const run = faithfulRun([{ items: [{ n: 1, form: 0 }], end: 'ok', stored: true }]);
  const refused = { key: 'k77', hash: 'x', fate: 'landed' } as const;
  run.history.push({ type: 'invoke', op: 50, route: 'r', atMs: 1, items: [refused] });
  run.history.push({ type: 'ok', op: 50, atMs: 2, refused: [0] });
  expect(check(run).ok).toBe(true);
  run.raw.push({ key: 'k77' });
  expect(codes(check(run))).toContain('refused-kept');
});

it('names the keys that a fold has to run over', () => {
  const checker = new Checker({ tables: TABLES, vacuity: ASKING_NOTHING });
  tell(checker, faithfulRun(OPERATIONS));
  expect([...checker.landedKeys()].sort()).toEqual(['k1', 'k11', 'k12', 'k13', 'k2', 'k3', 'k4', 'k6', 'k8']);
});

it('reads the history before what was observed', () => {
  const checker = new Checker({ tables: TABLES, vacuity: ASKING_NOTHING });
  checker.raw({ key: 'k1' });
  expect(() => checker.history({ type: 'ok', op: 1, atMs: 0 })).toThrow('before');
});
