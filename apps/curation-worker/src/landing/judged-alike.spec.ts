import { contractIndexPath, contractVersionPath, encodeContractIndex } from '@millrace/contracts';
import { createMemoryStorage } from '@millrace/storage/memory';
import fc from 'fast-check';
import type { ContractsInForce } from '../contracts/in-force';
import { readContracts } from '../contracts/read-contracts';
import { curate, type Validated } from '../pipeline/curate';
import { batchOf, shipmentEvent } from '../testing/landing-bench';
import { testProtections } from '../testing/protections';
import { judgedAlike } from './judged-alike';

/** What a contract may say of a type; `missing` has no file, `none` is no contract. */
const WAYS = ['none', 'lax', 'strict', 'content', 'classified', 'missing'] as const;
type Way = (typeof WAYS)[number];
const TYPES = ['t.a', 't.b', 't.c'];

const version = (way: Way): string => `${WAYS.indexOf(way)}.0.0`;
const yaml = (type: string, way: Way): string => `
apiVersion: v3.1.0
kind: DataContract
id: ${type}
name: ${type}
version: ${version(way)}
status: active
schema:
  - name: s
    physicalName: ${type.replace('.', '_')}
    properties:
      - { name: x, logicalType: string, required: ${way === 'strict'}${way === 'classified' ? ', classification: pii' : ''} }
customProperties:
  - { property: eventTypes, value: [${type}] }
  - { property: dedupe, value: { strategy: ${way === 'content' ? 'content' : 'event_id'}, windowDays: 10 } }
`;

const storage = createMemoryStorage();
const protections = testProtections(storage);

/** The contracts of two indexes, one after the other. */
async function twoIndexes(before: readonly Way[], now: readonly Way[]) {
  const lake = createMemoryStorage();
  let contracts: ContractsInForce | undefined;
  const read: ContractsInForce[] = [];
  for (const [i, ways] of [before, now].entries()) {
    const entries = TYPES.flatMap((type, t) =>
      ways[t] === 'none' ? [] : [{ name: type, version: version(ways[t]), eventTypes: [type] }],
    );
    for (const [t, type] of TYPES.entries())
      if (ways[t] !== 'none' && ways[t] !== 'missing')
        await lake.put(contractVersionPath(type, version(ways[t])), Buffer.from(yaml(type, ways[t])));
    await lake.createIfAbsent(contractIndexPath(i + 1), encodeContractIndex(i + 1, entries));
    read.push((contracts = await readContracts(lake, i + 1, contracts)));
  }
  return { before: read[0], now: read[1] };
}

async function judge(items: readonly Buffer[], contracts: ContractsInForce): Promise<readonly Validated[]> {
  const protection = await protections.under(contracts, 0, false);
  return (await curate(batchOf(items).items, contracts, protection)).validated;
}

/** All that is made of a judgement. */
const shown = (validated: readonly Validated[]): unknown[] =>
  validated.map((event) => {
    const { received: _, seal, ...judged } = event;
    const contract = event.ok ? (event.contract?.label ?? null) : event.contract;
    return {
      ...judged,
      contract: contract && (typeof contract === 'string' ? contract : contract.version),
      seal: seal?.id ?? null,
    };
  });

const ways = fc.tuple(...TYPES.map(() => fc.constantFrom(...WAYS)));
const item = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom(...TYPES, 't.d'), fc.constantFrom({}, { x: 'a' }, { x: 7 })), weight: 8 },
  { arbitrary: fc.constant(null), weight: 1 },
);
const bytesOf = (of: readonly [string, object] | null, i: number): Buffer =>
  of ? shipmentEvent(`e${i}`, of[1], { event_type: of[0] }) : Buffer.from('{"event_type":7,');

test('a change that is said not to concern events judges each of them as before', async () => {
  let spared = 0;
  const property = fc.asyncProperty(ways, ways, fc.array(item, { minLength: 1, maxLength: 4 }), async (a, b, some) => {
    const { before, now } = await twoIndexes(a, b);
    const items = some.map(bytesOf);
    const judged = await judge(items, before);
    const isAlike = judgedAlike(judged, before, now);
    const again = await judge(items, now);
    if (isAlike) expect(shown(again)).toEqual(shown(judged));
    if (isAlike && a.join() !== b.join()) spared++;
    // It is no evasion either: what it objects to is a change of what a type of theirs is under, or of sealing.
    const touched = some.some((of) => of && a[TYPES.indexOf(of[0])] !== b[TYPES.indexOf(of[0])]);
    expect(isAlike || touched || before.classify !== now.classify).toBe(true);
  });
  await fc.assert(property, { numRuns: 150, seed: 5 });
  expect(spared).toBeGreaterThan(10);
});

test('a change of another type does not concern a batch, one of its own does', async () => {
  const { before, now } = await twoIndexes(['lax', 'lax', 'none'], ['lax', 'strict', 'lax']);
  const mine = await judge([shipmentEvent('a', {}, { event_type: 't.a' }), Buffer.from('nonsense')], before);
  expect(judgedAlike(mine, before, now)).toBe(true);
  for (const event_type of ['t.b', 't.c'])
    expect(judgedAlike(await judge([shipmentEvent('b', {}, { event_type })], before), before, now)).toBe(false);
});
