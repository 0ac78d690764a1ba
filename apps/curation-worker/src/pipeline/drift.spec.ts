import { compileText } from '@millrace/contracts';
import { ContractsInForce } from '../contracts/in-force';
import { curate } from './curate';
import { batchOf } from '../testing/landing-bench';
import type { UnknownTypes } from './validate';

const contractOf = (drift: object) => {
  const yaml = JSON.stringify({
    ...{ apiVersion: 'v3.1.0', kind: 'DataContract', id: 'x', name: 'x', version: '1.0.0', status: 'active' },
    schema: [
      {
        name: 'x',
        properties: [
          { name: 'n', logicalType: 'integer' },
          { name: 'geo', logicalType: 'object', properties: [{ name: 'lat', logicalType: 'number' }] },
        ],
      },
    ],
    customProperties: [
      { property: 'eventTypes', value: ['x'] },
      { property: 'drift', value: drift },
    ],
  });
  return { compiled: compileText(yaml), label: 'x@1.0.0', schemaHash: '0'.repeat(16) };
};

async function fates(drift: object, payloads: readonly unknown[], unknownTypes?: UnknownTypes, type = 'x') {
  const values = payloads.map((payload, i) =>
    Buffer.from(JSON.stringify({ event_id: `e${i}`, event_type: type, payload })),
  );
  const contracts = new ContractsInForce(1, [contractOf(drift)]);
  const { validated, profiler } = await curate(batchOf(values).items, contracts, null, unknownTypes);
  const reasons = validated.map((event) => (event.ok ? 'ok' : `${event.refusal.reason} ${event.refusal.path}`));
  return { reasons, profiles: profiler.done().profiles };
}

const PAYLOADS = [{ n: 1 }, { n: 1, extra: 2 }, { geo: { lat: 1, lon: 2 } }];

test.each([
  ['evolve', ['ok', 'ok', 'ok']],
  ['warn', ['ok', 'ok', 'ok']],
  ['ignore', ['ok', 'ok', 'ok']],
  ['quarantine', ['ok', 'unknown_field $.payload.extra', 'unknown_field $.payload.geo.lon']],
  ['reject', ['ok', 'rejected_field $.payload.extra', 'rejected_field $.payload.geo.lon']],
])('under %s unknown fields are %j', async (policy, reasons) => {
  expect((await fates({ policy }, PAYLOADS)).reasons).toEqual(reasons);
});

test('a value of another type is quarantined, or recovered where the contract says so', async () => {
  const payloads = [{ n: 'one' }, { n: 2 ** 70 }];
  expect((await fates({}, payloads)).reasons).toEqual(['wrong_type $.payload.n', 'out_of_range $.payload.n']);
  expect((await fates({ typeClash: 'recover' }, payloads)).reasons).toEqual(['ok', 'ok']);
});

test('events of types without a contract land, or do not, as the deployment says', async () => {
  const of = async (unknownTypes?: UnknownTypes) => (await fates({}, [{ a: 1 }], unknownTypes, 'y')).reasons;
  expect(await of()).toEqual(['ok']);
  expect(await of('quarantine')).toEqual(['unknown_type $.event_type']);
  expect(await of('refuse')).toEqual(['refused_type $.event_type']);
});

test('what events look like is counted, whether they land or not, unless the contract says to ignore it', async () => {
  const { profiles } = await fates({ policy: 'quarantine' }, [...PAYLOADS, { n: 'one' }]);
  expect(profiles).toMatchObject([
    { tenant: 'default', source: 'http', eventType: 'x', contract: 'x@1.0.0', events: 4 },
  ]);
  expect(profiles[0].fields).toContainEqual({
    path: '$.payload.n',
    integers: 2,
    strings: 1,
    min: 1,
    max: 1,
    longest: 3,
    sampled: 1,
  });
  expect((await fates({ policy: 'ignore' }, PAYLOADS)).profiles).toEqual([]);
  expect((await fates({}, [{ a: 1 }], 'infer', 'y')).profiles).toMatchObject([{ eventType: 'y', contract: null }]);
});

test('sources are told apart as events name theirs, and by how they came where they name none', async () => {
  const items = ['dock-1', 'dock-2', 'dock-1', undefined].map((source) =>
    Buffer.from(JSON.stringify({ event_type: 'x', source, payload: { n: 1 } })),
  );
  const { profiler } = await curate(batchOf(items).items, new ContractsInForce(1, [contractOf({})]), null);
  const sources = profiler.done().profiles.map(({ source, events }) => [source, events]);
  expect(sources.sort()).toEqual([
    ['dock-1', 2],
    ['dock-2', 1],
    ['http', 1],
  ]);
});
