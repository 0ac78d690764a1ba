import {
  type CompiledContract,
  contractIndexPath,
  contractVersionPath,
  encodeContractIndex,
  readCatalogDir,
} from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse';
import { StorageError } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import { CountMismatch } from '../pipeline/counts';
import type { MicroBatch } from '../pipeline/received';
import { type Bench, batchOf, makeBench, shipmentEvent } from '../testing/landing-bench';
import { dataFiles, rawLines, stagedRows } from '../testing/lake';
import { testDuck, testLogger } from '../testing/worker-under-test';
import { type LandOutcome, OUTRUN_EVENTS_MIN } from './lander';
import { MemoryKeyStore } from '../privacy/memory/key-store';
import { Opener } from '../privacy/opener';
import { type Landing, LandingError, type LandingStore } from './port';

let duck: Duck;
beforeAll(async () => (duck = await testDuck()));
afterAll(() => duck.close());

const signal = new AbortController().signal;
const land = async ({ lander, epoch }: Bench, batch: MicroBatch): Promise<LandOutcome> =>
  lander.land(await lander.prepare(batch, { signal }), { epoch, attempts: 1, signal });

const events = (n: number, from = 0): Buffer[] => Array.from({ length: n }, (_, i) => shipmentEvent(`e${from + i}`));
const fates = (outcome: LandOutcome): string[] =>
  outcome.kind === 'landed' ? outcome.outcomes.map(({ fate }) => fate) : [outcome.kind];
const batchesOf = ({ store }: Bench): { number: number; files: never[]; counts: never[] }[] =>
  [...store.state.manifests.values()].map((row) => ({
    ...(row.message as { files: never[]; counts: never[] }),
    number: row.number,
  }));
const unnamed = async (bench: Bench): Promise<string[]> => {
  const named = new Set(batchesOf(bench).flatMap((batch) => batch.files.map((file: { path: string }) => file.path)));
  return (await dataFiles(bench.storage)).filter((path) => !named.has(path));
};

test('a duplicate names the batch that holds its key, and whether its content differs', async () => {
  const bench = await makeBench({ duck });
  await land(bench, batchOf([shipmentEvent('a', { lane: 'EWR-CLT' })]));
  const first = [...bench.store.state.manifests.keys()][0];
  const again = await land(
    bench,
    batchOf(
      [
        shipmentEvent('a', { lane: 'EWR-CLT' }),
        shipmentEvent('a', { lane: 'LGA-IAH' }),
        shipmentEvent('b'),
        shipmentEvent('b'),
      ],
      1,
    ),
  );
  const second = [...bench.store.state.manifests.keys()][1];
  expect(again).toMatchObject({
    outcomes: [
      { fate: 'duplicate', holder: { batchId: first, contentDiffers: false } },
      { fate: 'duplicate', holder: { batchId: first, contentDiffers: true } },
      { fate: 'landed' },
      { fate: 'duplicate', holder: { batchId: second, contentDiffers: false } },
    ],
  });
  const rows = await stagedRows(
    duck,
    bench.storage,
    batchesOf(bench) as never,
    'ops.fates',
    '_raw_line, fate, duplicate_of_batch::INTEGER AS batch, content_differs',
  );
  expect(rows.map(Object.values)).toEqual([
    [1, 'duplicate', first, false],
    [2, 'duplicate', first, true],
    [4, 'duplicate', second, false],
  ]);
});

/** An index of the bundled contracts and one of somebody else's, which governs `eventType`. */
async function publishAnother({ storage, store }: Bench, index: number, eventType: string): Promise<void> {
  const [{ contract, yaml }] = readCatalogDir();
  const [name, table] = [`another-${index}`, `clean.another_${index}`];
  const text = yaml
    .replace(/^name: .*$/m, `name: ${name}`)
    .replace(/^( *physicalName: ).*$/m, `$1${table.slice('clean.'.length)}`)
    .replaceAll(contract.eventTypes[0], eventType);
  await storage.put(contractVersionPath(name, contract.version), Buffer.from(text));
  const others = readCatalogDir().map((each) => each.contract);
  const another = { name, version: contract.version, eventTypes: [eventType] };
  await storage.createIfAbsent(contractIndexPath(index), encodeContractIndex(index, [...others, another]));
  await store.adoptContracts(index, 30);
}

describe('contracts that change while a batch lands', () => {
  /** Lands events while an index is published at each of `times` commits; counts stagings. */
  async function landWhile(batch: MicroBatch, times: number, eventType: string) {
    let index = 1;
    let stagings = 0;
    const bench: Bench = await makeBench({
      duck,
      failpoint: async (name) => {
        if (name === 'after-claims') stagings++;
        if (name === 'before-commit' && index <= times) await publishAnother(bench, ++index, eventType);
      },
    });
    const outcome = await land(bench, batch);
    return { bench, outcome, stagings };
  }

  test.each([1, 3])('and do not concern it force nothing to be staged again, %d times', async (times) => {
    const { bench, outcome, stagings } = await landWhile(batchOf(events(3)), times, 'another.type');
    expect(fates(outcome)).toEqual(['landed', 'landed', 'landed']);
    expect(stagings).toBe(1);
    expect(batchesOf(bench)).toMatchObject([{ contractsIndex: 1 + times, number: 1 }]);
    expect(bench.store.state.claims.size).toBe(3);
    expect(await unnamed(bench)).toEqual([]);
  });

  test('and concern it have it redone under them', async () => {
    const batch = batchOf([...events(2), shipmentEvent('c', {}, { event_type: 'another.type' })]);
    const { bench, outcome, stagings } = await landWhile(batch, 1, 'another.type');
    expect(outcome.kind).toBe('landed');
    expect(stagings).toBe(2);
    const [{ files }] = batchesOf(bench) as unknown as { files: { table: string; rows: number }[] }[];
    expect(files.filter(({ table }) => table === 'clean.another_2')).toMatchObject([{ rows: 1 }]);
    expect(await unnamed(bench)).toEqual([]);
  });

  test('and concern a large one are told of, so that a smaller part is tried', async () => {
    const batch = batchOf(
      Array.from({ length: OUTRUN_EVENTS_MIN }, (_, i) => shipmentEvent(`e${i}`, {}, { event_type: 'a.b' })),
    );
    const { bench, outcome } = await landWhile(batch, 1, 'a.b');
    expect(outcome).toEqual({ kind: 'outrun' });
    expect(await dataFiles(bench.storage)).toEqual([]);
    expect(await land(bench, batch)).toMatchObject({ kind: 'landed', message: { contractsIndex: 2 } });
  });

  test('and are known before anything is staged have it judged again first', async () => {
    let staged = 0;
    const bench: Bench = await makeBench({
      duck,
      failpoint: async (name) => {
        if (name === 'after-position' && bench.keeper.current?.contracts.index === 1) {
          await publishAnother(bench, 2, 'a.b');
          await bench.keeper.refresh();
        }
        if (name === 'after-parquet') staged++;
      },
    });
    const outcome = await land(bench, batchOf([shipmentEvent('a', {}, { event_type: 'a.b' })]));
    expect(outcome).toMatchObject({ kind: 'landed', message: { contractsIndex: 2 } });
    expect(staged).toBe(1);
  });
});

test('an event that its table cannot hold is quarantined and its neighbours land', async () => {
  // What no check of ours lets through: a column that raises for one value.
  const bench = await makeBench({ duck });
  const logged = jest.spyOn(testLogger, 'warn');
  const contract = bench.keeper.current?.contracts.contractOf('shipment.status.changed');
  const compiled = contract?.compiled as CompiledContract;
  const { typedSelect } = compiled;
  const setSelect = (value: readonly string[]): void =>
    void Object.defineProperty(compiled, 'typedSelect', { configurable: true, value });
  const broken = typedSelect.map((sql) =>
    sql.endsWith('AS "lane"')
      ? `CASE WHEN event_id IN ('e3', 'e77') THEN error('column lane is no string') ELSE 'x' END AS "lane"`
      : sql,
  );
  setSelect(broken);
  const outcome = await land(bench, batchOf([...events(100), shipmentEvent('e3', { lane: 'other' })])).finally(
    // A contract is compiled once a process: this one is the other tests' too.
    () => setSelect(typedSelect),
  );
  expect(fates(outcome).filter((fate) => fate === 'landed')).toHaveLength(98);
  expect(bench.store.state.quarantine.map((row) => [row.eventId, row.reason, row.offset])).toEqual([
    ['e3', 'unstorable', 3],
    ['e77', 'unstorable', 77],
    ['e3', 'unstorable', 100],
  ]);
  // What the engine says of a value may quote it, which no log may.
  const code = 'DUCK_INVALID_INPUT';
  expect(logged.mock.calls.map(([fields]) => fields)).toEqual([2, 1].map((count) => ({ count, code })));
  logged.mockRestore();
  // Quarantined events hold no claims.
  expect(bench.store.state.claims.size).toBe(98);
  expect(await unnamed(bench)).toEqual([]);
});

test('a batch whose header miscounts its records is not landed', async () => {
  const bench = await makeBench({ duck });
  const batch = batchOf(events(3));
  const wrong = {
    ...batch,
    wholeBatches: batch.wholeBatches.map((whole) => ({
      ...whole,
      counts: whole.counts.map((row) => ({ ...row, count: 4 })),
    })),
  };
  await expect(bench.lander.prepare(wrong, { signal })).rejects.toThrow(CountMismatch);
});

test('a store that is away for a while delays a landing and repeats nothing of it', async () => {
  let failures = 3;
  const bench = await makeBench({
    duck,
    wrap: (store) =>
      proxied(store, {
        begin: () => (failures-- > 0 ? Promise.reject(new LandingError('LANDING_UNAVAILABLE', 'away')) : store.begin()),
      }),
  });
  expect(fates(await land(bench, batchOf(events(2))))).toEqual(['landed', 'landed']);
  expect(bench.troubles.map((error) => error?.message ?? null)).toEqual(['away', 'away', 'away', null]);
  expect(await unnamed(bench)).toEqual([]);
});

test('a full disk delays a landing and leaves no half of it', async () => {
  const storage = createMemoryStorage();
  let failures = 2;
  const full = proxied(storage, {
    createIfAbsent: (path: string, bytes: Buffer) =>
      path.startsWith('raw/') && failures-- > 0
        ? Promise.reject(new StorageError('STORAGE_FULL', path, 'no space left'))
        : storage.createIfAbsent(path, bytes),
  });
  const bench = await makeBench({ duck, storage: full });
  expect(fates(await land(bench, batchOf(events(2))))).toEqual(['landed', 'landed']);
  expect(bench.troubles).toHaveLength(3);
  expect(await unnamed(bench)).toEqual([]);
});

describe('a connection lost during commit', () => {
  /** Fails the first commit, after or before its effect. */
  const losing = (store: LandingStore, happened: boolean): LandingStore => {
    let lost = false;
    return proxied(store, {
      begin: async () => {
        const landing = await store.begin();
        return proxied(landing, {
          commit: async (fence: Parameters<Landing['commit']>[0]) => {
            if (lost) return landing.commit(fence);
            lost = true;
            if (happened) await landing.commit(fence);
            else await landing.rollback();
            throw new LandingError('LANDING_UNKNOWN', 'the connection was lost during COMMIT');
          },
        });
      },
    });
  };

  test.each([true, false])('is found out about (committed: %s)', async (happened) => {
    const bench = await makeBench({ duck, wrap: (store) => losing(store, happened) });
    const outcome = await land(bench, batchOf(events(5)));
    expect(fates(outcome)).toEqual(Array(5).fill('landed'));
    expect(outcome).toMatchObject({ number: 1 });
    expect(bench.store.state.manifests.size).toBe(1);
    expect(bench.store.state.claims.size).toBe(5);
    expect(await unnamed(bench)).toEqual([]);
  });
});

test('a redelivered range is dropped, and its files with it', async () => {
  const bench = await makeBench({ duck });
  const batch = batchOf(events(4));
  await land(bench, batch);
  expect(await land(bench, batch)).toEqual({ kind: 'dropped' });
  expect(bench.store.state.manifests.size).toBe(1);
  expect(await unnamed(bench)).toEqual([]);
});

test('messages without positions land once, also when some of a delivery have landed before', async () => {
  const bench = await makeBench({ duck });
  const delivered = (ids: number[]): MicroBatch => {
    const batch = batchOf(ids.map((id) => shipmentEvent(`e${id}`)));
    return {
      ...batch,
      range: null,
      wholeBatches: [],
      items: batch.items.map((item, i) => ({ ...item, offset: null, messageId: `m${ids[i]}` })),
    };
  };
  expect(fates(await land(bench, delivered([1, 2])))).toEqual(['landed', 'landed']);
  expect(fates(await land(bench, delivered([2, 3])))).toEqual(['landed']);
  expect(await land(bench, delivered([1, 3]))).toEqual({ kind: 'dropped' });
  expect(bench.store.state.claims.size).toBe(3);
});

test('a dead letter is quarantined unread, with its bytes and its last failure', async () => {
  const bench = await makeBench({ duck });
  const batch = batchOf([Buffer.from([0xff, 0x00])]);
  const prepared = await bench.lander.prepare(batch, { deadLetter: 'it ends processes', signal });
  await bench.lander.land(prepared, { epoch: bench.epoch, attempts: 4, signal });
  const { quarantine } = bench.store.state;
  expect(quarantine).toMatchObject([
    { reason: 'dead_letter', attempts: 4, rule: expect.stringContaining('it ends processes') },
  ]);
  const [item] = await new Opener(bench.protections, new MemoryKeyStore()).items([...quarantine]);
  expect(item).toMatchObject({ ok: true, raw: Buffer.from([0xff, 0x00]) });
});

test('an event that landed before its claim was pruned is a duplicate', async () => {
  const bench = await makeBench({
    duck,
    landedBefore: async (candidates) =>
      new Map(
        candidates
          .filter(({ envelope }) => envelope.eventId === 'e1')
          .map(({ key }) => [key, { batchId: 7, fingerprint: null }]),
      ),
  });
  expect(await land(bench, batchOf(events(3)))).toMatchObject({
    outcomes: [
      { fate: 'landed' },
      { fate: 'duplicate', holder: { batchId: 7, contentDiffers: false } },
      { fate: 'landed' },
    ],
  });
  expect(bench.store.state.claims.size).toBe(2);
});

test('an epoch that is dead lands nothing and says so', async () => {
  const bench = await makeBench({ duck });
  await bench.store.retire(bench.epoch);
  await expect(land(bench, batchOf(events(2)))).rejects.toMatchObject({ code: 'LANDING_FENCED' });
  expect(await dataFiles(bench.storage)).toEqual([]);
});

test('whatever fails in the middle leaves no file and no claim', async () => {
  for (const place of [
    'after-position',
    'after-claims',
    'after-parquet',
    'after-fates',
    'after-raw',
    'after-quarantine',
    'after-tally',
    'before-commit',
  ]) {
    const bench = await makeBench({
      duck,
      failpoint: (name) => {
        if (name === place) throw new Error(place);
      },
    });
    await expect(land(bench, batchOf([...events(2), Buffer.from('{')]))).rejects.toThrow(place);
    expect([bench.store.state.claims.size, bench.store.state.manifests.size, await dataFiles(bench.storage)]).toEqual([
      0,
      0,
      [],
    ]);
  }
});

test('items of many event types share a bounded number of raw parts, and no line is lost', async () => {
  const bench = await makeBench({ duck });
  const items = Array.from({ length: 200 }, (_, i) =>
    Buffer.from(
      JSON.stringify({
        event_id: `e${i}`,
        event_type: `type ${i % 100}/é`,
        event_time: '2026-01-01T00:00:00Z',
        payload: {},
      }),
    ),
  );
  await land(bench, batchOf(items));
  const [batch] = batchesOf(bench);
  const raw = batch.files.filter((file: { kind: string }) => file.kind === 'raw') as { rows: number; path: string }[];
  expect(raw).toHaveLength(24);
  expect(raw.reduce((sum, file) => sum + file.rows, 0)).toBe(200);
  const lines = await rawLines(bench.storage, [batch] as never);
  expect(lines.map(({ text }) => JSON.parse(text).body.event_id).sort()).toEqual(items.map((_, i) => `e${i}`).sort());
});

/** An object with some methods replaced and the others bound to it. */
function proxied<T extends object>(target: T, replaced: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get: (of, name) => {
      if (name in replaced) return replaced[name as keyof T];
      const value: unknown = Reflect.get(of, name);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}
