import { systemRandom } from '@millrace/observability';
import { DailyKeys, openHeaders, openValues } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { CapturedItem } from '../capture/append-queue';
import { InboundSeal, SealUnavailable } from './inbound-seal';

const HEADERS = { format: 'event', tenant: 't', source: 'http', at: '2026-11-21T12:00:00.000Z' };
const items = (count: number, headers = HEADERS, bytes = 8): CapturedItem[] =>
  Array.from({ length: count }, (_, i) => ({ headers, value: Buffer.from(String(i).padStart(bytes, '0')) }));

function setUp(classify: boolean | null = true) {
  const world = { classify, turns: 0, away: false };
  const clock = { at: Date.UTC(2026, 10, 21, 12), now: () => clock.at };
  const storage = createMemoryStorage();
  const get = storage.get.bind(storage);
  storage.get = (path) => (world.away ? Promise.reject(new Error('storage is away')) : get(path));
  const keys = new DailyKeys({ storage, clock, random: systemRandom, master: createMemoryMasterKeys(systemRandom) });
  const soon = (fn: () => void): void => {
    world.turns++;
    setImmediate(fn);
  };
  const seal = new InboundSeal({ keys, classify: () => world.classify, random: systemRandom, soon });
  const open = async (records: readonly CapturedItem[]): Promise<CapturedItem[]> => {
    const opened: CapturedItem[] = [];
    for (const { headers, value } of records) {
      const key = await keys.find(headers.sealed);
      if (!key) throw new Error('no key');
      opened.push({ headers: openHeaders(headers, key), value: openValues(headers, [value], key)[0] });
    }
    return opened;
  };
  return { world, clock, storage, keys, seal, open };
}

it('what is appended is opened to what came, also where requests with headers of their own share the append', async () => {
  const { seal, open, keys } = setUp();
  const given = [...items(3), ...items(2, { ...HEADERS, source: 'pubsub' }), ...items(1)];
  for (const known of [false, true]) {
    expect(keys.atHand() !== null).toBe(known);
    const sealed = await seal.seal(given);
    expect(await open(sealed)).toEqual(given);
    for (const { headers } of sealed) expect(headers).toMatchObject({ tenant: 't', at: HEADERS.at });
    // Items of a request share their headers, so that the log keeps them once.
    expect(new Set(sealed.map(({ headers }) => headers)).size).toBe(3);
  }
});

it('costs nothing and makes no key where no contract classifies fields, nor where there is no master key', async () => {
  const { seal, storage } = setUp(false);
  const given = items(3);
  await seal.prepare();
  expect(seal.seal(given)).toBe(given);
  const paths: string[] = [];
  for await (const { path } of storage.list('keys/')) paths.push(path);
  expect(paths).toEqual([]);
  const without = new InboundSeal({ keys: null, classify: () => true, random: systemRandom, soon: setImmediate });
  expect(without.seal(given)).toBe(given);
  expect(without.notice()).toMatch(/MASTER_KEY_FILE/);
  expect([seal.notice(), without.ready()]).toEqual([null, true]);
});

it('seals while it is not known what contracts classify', async () => {
  const { seal, open } = setUp(null);
  expect(await open(await seal.seal(items(2)))).toEqual(items(2));
});

it('nothing is appended in clear while the key cannot be had, and a key that is at hand is enough', async () => {
  const { seal, world } = setUp();
  world.away = true;
  await expect(seal.seal(items(1))).rejects.toThrow(SealUnavailable);
  expect(seal.ready()).toMatch(/key/);
  world.away = false;
  await seal.prepare();
  expect(seal.ready()).toBe(true);
  world.away = true;
  expect(await seal.seal(items(1))).toHaveLength(1);
  await seal.prepare();
  expect(seal.ready()).toBe(true);
});

it('much is sealed in turns, in pieces that are bounded', async () => {
  const { seal, open, world } = setUp();
  const given = items(2_500);
  const sealed = await seal.seal(given);
  const same = (a: readonly CapturedItem[], b: readonly CapturedItem[]): boolean =>
    a.length === b.length && a.every(({ value }, i) => value.equals(b[i].value));
  expect([world.turns, new Set(sealed.map(({ headers }) => headers)).size]).toEqual([2, 3]);
  expect(same(await open(sealed), given)).toBe(true);
  const large = items(3, HEADERS, 700_000);
  expect(same(await open(await seal.seal(large)), large)).toBe(true);
});

it('at midnight the next day is the key', async () => {
  const { seal, clock } = setUp();
  await seal.prepare();
  expect((await seal.seal(items(1)))[0].headers.sealed).toBe('d2026-11-21');
  clock.at += 86_400_000;
  expect((await seal.seal(items(1)))[0].headers.sealed).toBe('d2026-11-22');
});
