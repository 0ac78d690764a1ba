import { systemRandom } from '@millrace/observability';
import { sealRecords } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { InboundHeaders } from '@millrace/topics';
import { originOf, type Received } from '../pipeline/received';
import { ByteBuilder } from '../staging/byte-builder';
import { addRawLine, addSealedLine, parseRawLine, rawLineHead } from '../staging/raw-line';
import { MemoryKeyStore } from './memory/key-store';
import { Opener } from './opener';
import { Protections } from './protection';

const HEADERS: InboundHeaders = {
  ...{ format: 'event', tenant: 't', source: '{"seal":"x"}', at: '2026-11-21T12:00:00.000Z' },
};

async function setUp() {
  const clock = { at: Date.UTC(2026, 10, 21, 12), now: () => clock.at };
  const storage = createMemoryStorage();
  const keys = new MemoryKeyStore();
  const master = createMemoryMasterKeys(systemRandom);
  const protections = new Protections({ master, keys, storage, clock, random: systemRandom, dailyKeepDays: 30 });
  return {
    clock,
    storage,
    protections,
    opener: new Opener(protections, keys),
    day: await protections.daily.forToday(),
  };
}

/** A raw line, under the day's key. */
function lineOf(received: Received, day: Parameters<typeof addSealedLine>[3]): string {
  const [line, sealed] = [new ByteBuilder(0), new ByteBuilder(0)];
  addRawLine(line, rawLineHead(received.origin, { replaces: received.stored }), received, false);
  addSealedLine(sealed, line.done(), received, day, systemRandom);
  return sealed.done().toString('utf8').trimEnd();
}

test('a line of an item that was put aside unread is opened to what was sent, headers too', async () => {
  const { opener, day } = await setUp();
  const values = ['{"a":"\\"seal\\":\\""}', '\uffff\n', ''].map((text) => Buffer.from(text));
  values.push(Buffer.from([0xff, 0, 0x22]));
  const sealed = sealRecords({ ...HEADERS, attributes: '{"sealed":"d2026-11-21"}' }, values, day, systemRandom);
  const lines = sealed.values.map((value) => lineOf({ origin: originOf(sealed.headers, 'i1'), value, offset: 7 }, day));
  const clear = lineOf({ origin: originOf(HEADERS, 'i1'), value: values[0], offset: 7 }, day);
  const opened = (await opener.lines([...lines, clear])).map((line) => parseRawLine(line as string));
  expect(opened.map(({ value }) => value)).toEqual([...values, values[0]]);
  for (const { head } of opened.slice(0, -1))
    expect(head).toEqual({ ...HEADERS, attributes: '{"sealed":"d2026-11-21"}', ingestion: 'i1', offset: 7 });
});

test('it says so where the key has expired, and where the item is not as it was sealed', async () => {
  const { opener, day, clock, storage } = await setUp();
  const [first, second] = ['2026-11-21', '2026-11-22'].map((date, i) => {
    const { headers, values } = sealRecords(HEADERS, [Buffer.from('x')], { ...day, id: `d${date}` }, systemRandom);
    const value = i === 0 ? values[0] : values[0].subarray(0, 3);
    return lineOf({ origin: originOf({ ...headers, sealed: day.id }, 'i1'), value, offset: null }, day);
  });
  expect(await opener.lines([second])).toEqual([{ why: 'damaged' }]);
  clock.at += 31 * 86_400_000;
  for await (const { path } of storage.list('keys/')) await storage.delete(path);
  expect(await (await setUpAgain()).lines([first])).toEqual([{ why: 'expired' }]);

  async function setUpAgain(): Promise<Opener> {
    const keys = new MemoryKeyStore();
    const master = createMemoryMasterKeys(systemRandom);
    return new Opener(new Protections({ master, keys, storage, clock, random: systemRandom, dailyKeepDays: 30 }), keys);
  }
});

test('a line that replaces another names it', async () => {
  const { opener, day } = await setUp();
  const stored = { part: 'raw/p.jsonl.gz', line: 3, expires: true };
  const [line] = await opener.lines([
    lineOf({ origin: originOf(HEADERS, 'i1'), value: Buffer.from('{}'), offset: null, stored }, day),
  ]);
  expect(parseRawLine(line as string).head['replaces']).toEqual({ part: 'raw/p.jsonl.gz', line: 3 });
});
