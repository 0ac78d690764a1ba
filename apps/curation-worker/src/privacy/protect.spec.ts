import { compile, loadContract } from '@millrace/contracts';
import { reverse } from '@millrace/privacy';
import { createMemoryStorage } from '@millrace/storage/memory';
import { ContractsInForce } from '../contracts/in-force';
import { curate, type Curated } from '../pipeline/curate';
import { batchOf } from '../testing/landing-bench';
import { testMaster, testProtections } from '../testing/protections';
import { loadLakeKeys } from './lake-keys';
import { MemoryKeyStore } from './memory/key-store';
import { tokenText } from './protect';
import { Protections } from './protection';
import { systemClock, systemRandom } from '@millrace/observability';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: 11111111-1111-4111-8111-111111111111
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - { name: customer, logicalType: string }
      - { name: email, logicalType: string, classification: pii }
      - { name: phone, logicalType: integer, classification: personal }
      - { name: card, logicalType: string, classification: restricted }
      - { name: note, logicalType: string }
customProperties:
  - { property: eventTypes, value: [order] }
  - property: privacy
    value: { subject: $.payload.customer, lakeTokens: [$.payload.phone], reversible: [$.payload.email], envelope: [attributes, trace_id] }
`;

const compiled = compile(loadContract(CONTRACT));
const contracts = new ContractsInForce(1, [{ compiled, label: 'orders@1.0.0', schemaHash: '0' }]);

let keys: MemoryKeyStore;
let protections: Protections;
beforeEach(() => {
  keys = new MemoryKeyStore();
  protections = testProtections(createMemoryStorage(), keys);
});

const order = (id: string, payload: object, more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({ event_id: id, event_type: 'order', event_time: '2026-01-01T00:00:00Z', payload, ...more }),
  );

async function curated(values: readonly Buffer[], epoch = 0): Promise<Curated> {
  return curate(batchOf(values).items, contracts, await protections.under(contracts, epoch, false));
}

/** What the rows of a batch say. */
async function payloads(values: readonly Buffer[], epoch = 0): Promise<Record<string, string>[]> {
  const { rows, validated } = await curated(values, epoch);
  const text = rows.gather(validated.flatMap((event) => (event.ok ? [event.row] : []))).toString('utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line.slice(line.lastIndexOf('\x01') + 1)));
}

test('tokens of a subject join and count as its values do, also when its key came with another batch', async () => {
  const values = [
    order('1', { customer: 'c1', email: 'a@x', phone: 1 }),
    order('2', { customer: 'c1', email: 'a@x', phone: 2 }),
    order('3', { customer: 'c1', email: 'b@x', phone: 1 }),
    order('4', { customer: 'c2', email: 'a@x', phone: 1 }),
  ];
  const [one, two, three, four] = await payloads(values);
  expect(one.email).toBe(two.email);
  expect(new Set([one.email, three.email, four.email]).size).toBe(3);
  // A field of lake tokens joins over subjects.
  expect([one.phone, four.phone]).toEqual([three.phone, three.phone]);
  expect(one.phone).not.toBe(two.phone);
  expect((await payloads([values[3], values[0]])).map(({ email }) => email)).toEqual([four.email, one.email]);
});

test('a subject whose key is destroyed comes back with other tokens, others keep theirs', async () => {
  const values = [order('1', { customer: 'c1', email: 'a@x', phone: 1 }), order('2', { customer: 'c2', email: 'a@x' })];
  const before = await payloads(values);
  const lake = await loadLakeKeys(keys, testMaster, systemRandom);
  await keys.destroy([lake.lookup({ tenant: 'default', kind: 'customer', value: 'c1' })], 'e1');
  const after = await payloads(values, 1);
  expect(after[0].email).not.toBe(before[0].email);
  expect(after[0].phone).toBe(before[0].phone);
  expect(after[1]).toEqual(before[1]);
});

test('reversible tokens say their value to whoever has the key', async () => {
  const [row] = await payloads([order('1', { customer: 'c1', email: 'ä@x', card: '4242' })]);
  const lake = await loadLakeKeys(keys, testMaster, systemRandom);
  const view = (await protections.under(contracts, 0, false))?.subjects;
  const key = view?.get({ tenant: 'default', kind: 'customer', value: 'c1' });
  expect(JSON.parse(reverse(key?.tokens as never, row.email))).toBe('ä@x');
  expect(row.card).toMatch(/^tok_s/);
  expect(lake.tokens('default').id).toMatch(/^l/);
});

test('tokens and what is sealed outlive a new master key, in this process and after a restart', async () => {
  const master = createMemoryMasterKeys(systemRandom);
  const storage = createMemoryStorage();
  const start = (): Protections =>
    new Protections({ storage, keys, master, clock: systemClock, random: systemRandom, dailyKeepDays: 30 });
  const same = async (under: Protections) => {
    protections = under;
    const [row] = await payloads([order('1', { customer: 'c1', email: 'a@x', phone: 5 })]);
    const { day } = (await under.under(contracts, 0, false)) ?? {};
    return { email: row.email, phone: row.phone, day };
  };
  const running = start();
  const before = await same(running);
  master.rotate();
  expect(await same(running)).toEqual(before);
  expect(await same(start())).toEqual(before);
});

test('what of the envelope is classified is hidden too, and digits of others stay as they were', async () => {
  const text =
    '{"event_id":"1","event_type":"order","event_time":"2026-01-01T00:00:00Z","trace_id":"SECRET","attributes":{"a":"SECRET"},"payload":{"customer":"c1","email":"SECRET","note":"n","big":12345678901234567890,"f":0.10}}';
  const { rows } = await curated([Buffer.from(text)]);
  const line = rows.gather([0]).toString('utf8');
  expect(line).not.toContain('SECRET');
  expect(line).toContain('"note":"n","big":12345678901234567890,"f":0.10');
});

test('raw lines are sealed where an event holds what is classified, and only there', async () => {
  const { validated } = await curated([
    order('1', { customer: 'c1', email: 'a@x' }),
    order('2', { customer: 'c1', email: null, note: 'n' }),
    order('3', { customer: 'c1', email: 5 }),
    order('4', { email: 5 }),
    Buffer.from('{'),
    order('6', { email: 'a@x' }),
  ]);
  const seals = validated.map(({ seal }) => seal?.id[0] ?? null);
  // Of nobody whom the payload names: a key of the tenant's where it landed, the day's where it did not.
  expect(seals).toEqual(['s', null, 's', 'd', 'd', 's']);
  expect(validated[0].seal).toEqual(validated[2].seal);
  expect(validated[5].seal).not.toEqual(validated[0].seal);
});

test('keys that are not at hand keep no row from its place', async () => {
  const values = Array.from({ length: 2_500 }, (_, n) =>
    order(String(n), {
      customer: n % 3 === 0 ? `c${n % 700}` : undefined,
      email: n % 2 === 0 ? `e${n}` : null,
      note: `n${n}`,
    }),
  );
  const { validated, raw } = await curated(values);
  expect(validated.map((event) => event.ok && event.row)).toEqual(values.map((_, n) => n));
  expect([...raw.lineOf]).toEqual(values.map((_, n) => n + 1));
  expect((await payloads(values)).map(({ note }) => note)).toEqual(values.map((_, n) => `n${n}`));
});

test('no key is looked for where no contract classifies anything', async () => {
  const clear = compile(
    loadContract(CONTRACT.replaceAll(/, classification: \w+/g, '').replace(/ {2}- property: privacy\n.*\n/, '')),
  );
  const plain = new ContractsInForce(1, [{ compiled: clear, label: 'orders@1.0.0', schemaHash: '0' }]);
  expect(await protections.under(plain, 0, false)).toBeNull();
  expect(await keys.lakeKeys()).toEqual([]);
});

test.each([
  ['"a"', '"\\u0061"', true],
  ['1', '1.0', true],
  ['1e3', '1000', true],
  ['"1"', '1', false],
  ['12345678901234567890', '12345678901234567891', false],
  ['{"a":1,"b":[true]}', '{ "b": [true], "a": 1.0 }', true],
  ['[1,2]', '[2,1]', false],
])('tokens of %s and %s are the same: %s', (a, b, same) => expect(tokenText(a) === tokenText(b)).toBe(same));

it('what lands of a quarantined item gets a raw line that does not expire with the key of a day', async () => {
  const items = [order('kept', { customer: 'ada', email: 'e' }), order('broken', { customer: 'ada', email: 5 })];
  for (const expires of [false, true]) {
    const batch = batchOf(items).items.map((item) => ({ ...item, stored: { part: 'raw/old', line: 7, expires } }));
    const { validated, raw } = await curate(batch, contracts, await protections.under(contracts, 0, true));
    expect(validated.map(({ ok }) => ok)).toEqual([true, false]);
    expect([...raw.groupOf].map((group) => raw.groups[group].stored)).toEqual([expires ? null : 'raw/old', 'raw/old']);
    expect(validated[0].seal?.id).toMatch(/^s/);
  }
});
