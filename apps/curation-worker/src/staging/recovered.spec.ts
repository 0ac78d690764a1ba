import { contractIndexPath, contractVersionPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse';
import { batchOf, makeBench, shipmentEvent } from '../testing/landing-bench';
import { stagedRows } from '../testing/lake';
import { testDuck } from '../testing/worker-under-test';

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: visits
name: visits
version: 1.0.0
status: active
schema:
  - name: visits
    physicalName: visits
    properties:
      - { name: seconds, logicalType: integer }
      - name: page
        logicalType: object
        properties: [{ name: title, logicalType: string }, { name: site, logicalType: object, properties: [{ name: host, logicalType: string }] }]
customProperties:
  - { property: eventTypes, value: [visit] }
  - { property: drift, value: { typeClash: recover } }
`;

let duck: Duck;
beforeAll(async () => (duck = await testDuck()));
afterAll(() => duck.close());

/** A payload, and its row: seconds, title, host, `_recovered`. */
type Case = readonly [payload: object, ...row: readonly (number | string | null)[]];

const FITTING: readonly Case[] = [
  [{ seconds: 7, page: { title: 'a', site: { host: 'b' } } }, 7, 'a', 'b', null],
  [{}, null, null, null, null],
];
const CLASHING: readonly Case[] = [
  [{ seconds: 'long' }, null, null, null, '{"$.payload.seconds":"long"}'],
  [{ page: { title: 'c', site: 9 } }, null, 'c', null, '{"$.payload.page.site":9}'],
  [{ page: [] }, null, null, null, '{"$.payload.page":[]}'],
];

test.each<[string, readonly Case[]]>([
  ['none that does not fit', FITTING],
  ['some that do not fit', [...FITTING, ...CLASHING]],
])('a batch with %s lands whole, with all its values', async (_which, cases) => {
  const bench = await makeBench({ duck });
  await bench.storage.put(contractVersionPath('visits', '1.0.0'), Buffer.from(CONTRACT));
  const entries = [
    ...readCatalogDir().map(({ contract }) => contract),
    { name: 'visits', version: '1.0.0', eventTypes: ['visit'] },
  ];
  await bench.storage.createIfAbsent(contractIndexPath(2), encodeContractIndex(2, entries));
  await bench.keeper.refresh();
  const { signal } = new AbortController();
  const events = cases.map(([payload], i) => {
    const event = JSON.parse(shipmentEvent(`e${i}`, {}, { event_type: 'visit' }).toString()) as object;
    return Buffer.from(JSON.stringify({ ...event, payload }));
  });
  const prepared = await bench.lander.prepare(batchOf(events), { signal });
  const landed = await bench.lander.land(prepared, { epoch: bench.epoch, attempts: 1, signal });
  if (landed.kind !== 'landed') throw new Error(`it is ${landed.kind}`);
  const files = [{ ...landed.message, number: landed.number }];
  const columns = 'event_id, seconds, page_title, page_site_host, _recovered';
  const rows = (await stagedRows(duck, bench.storage, files, 'clean.visits', columns)).sort((a, b) =>
    String(a.event_id).localeCompare(String(b.event_id)),
  );
  const shown = rows.map(({ event_id: _, seconds, ...others }) => [
    seconds === null ? null : Number(seconds),
    ...Object.values(others),
  ]);
  expect(shown).toEqual(cases.map(([, ...row]) => row));
});
