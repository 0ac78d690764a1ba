import { readDataSet } from '../demo/data-set';
import { seededRandom } from './random';
import { keyOfLine, rawLinesOf } from './raw-line';
import { itemOf } from './shipment-item';
import { type PlannedRequest, rewritten, workload } from './workload';

const { lines, known } = readDataSet();
const some = (seed: number, count: number): PlannedRequest[] => {
  const requests: PlannedRequest[] = [];
  for (const request of workload(lines, seededRandom(seed), `w${seed}`)) {
    requests.push(request);
    if (requests.length === count) return requests;
  }
  return requests;
};

it('knows the good lines of the data set from the damaged ones', () => {
  const items = lines.map(itemOf);
  const good = items.filter(({ sent }) => sent.fate === 'landed');
  expect(items.length - good.length).toBe(known.counts.quarantined);
  expect(new Set(good.map(({ sent }) => sent.key)).size).toBe(known.counts.landed);
});

it('is the same for the same seed, and another for another', () => {
  const told = (requests: PlannedRequest[]): string =>
    JSON.stringify(requests.map(({ route, key, twice, items }) => [route, key, twice, items.map(({ sent }) => sent)]));
  expect(told(some(3, 30))).toBe(told(some(3, 30)));
  expect(told(some(3, 30))).not.toBe(told(some(4, 30)));
});

it('says one thing under one key, in every form and in every round', () => {
  const hashes = new Map<string, string>();
  const contradictions: string[] = [];
  const forms = new Map<string, Set<string>>();
  // Three times through the data set's first lines, so that other rounds come.
  const short = lines.slice(0, 1_000);
  let requests = 0;
  for (const { items } of workload(short, seededRandom(1), 'w')) {
    for (const { sent } of items) {
      if ((hashes.get(sent.key) ?? sent.hash) !== sent.hash) contradictions.push(sent.key);
      hashes.set(sent.key, sent.hash);
      forms.set(sent.key, (forms.get(sent.key) ?? new Set()).add(sent.bytes as string));
    }
    if (++requests === 80) break;
  }
  expect(contradictions).toEqual([]);
  expect(hashes.size).toBeGreaterThan(1_500);
  expect([...forms.values()].some(({ size }) => size > 1)).toBe(true);
});

it('comes over every route, twice at once, under keys, with repeats and damage', () => {
  const requests = some(9, 200);
  expect(new Set(requests.map(({ route }) => route)).size).toBe(4);
  expect(requests.some(({ twice, key }) => twice && key !== null)).toBe(true);
  const items = requests.flatMap((request) => request.items);
  expect(items.some(({ sent }) => sent.fate === 'quarantined')).toBe(true);
  expect(new Set(items.map(({ sent }) => sent.key)).size).toBeLessThan(items.length);
});

it('writes an event anew: other bytes, the same content', () => {
  const item = itemOf(lines[0] as Buffer);
  const other = rewritten(item);
  expect(other.bytes).not.toEqual(item.bytes);
  expect(other.sent).toEqual({ ...item.sent, bytes: other.sent.bytes });
  expect(other.shipment).toEqual(item.shipment);
});

it('reads the exact bytes of items back from raw lines', () => {
  const head = '{"format":"event","tenant":"default","attributes":"{\\",\\"body\\":\\"}","ingestion":"i","offset":7';
  const bad = Buffer.from([0xff, 0x0a, 0x22]);
  const part = Buffer.concat([
    Buffer.from(`${head},"body":{"a": 1,"body":"\u00fc"}}\n`),
    Buffer.from(`${head},"text":"not\\njson"}\n`),
    Buffer.from(`${head},"base64":"${bad.toString('base64')}"}\n`),
  ]);
  const items = [...rawLinesOf(part)].map(({ item, format }) => [item.toString('latin1'), format]);
  expect(items).toEqual([
    [Buffer.from('{"a": 1,"body":"\u00fc"}').toString('latin1'), 'event'],
    ['not\njson', 'event'],
    [bad.toString('latin1'), 'event'],
  ]);
  expect(() => [...rawLinesOf(Buffer.from('{"torn":'))]).toThrow('in the middle');
  expect(keyOfLine(lines[0] as Buffer, 'event')).toBe(itemOf(lines[0] as Buffer).sent.key);
});
