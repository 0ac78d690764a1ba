import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemClock, systemRandom } from '@millrace/observability';
import { DailyKeys, openHeaders, openValues } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { TestGateway } from '../testing/gateway.client';
import { publishContracts } from '../testing/publish-contracts';
import { shipment } from '../testing/sample-events';

let folder: string;
let gateway: TestGateway;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'millrace-gateway-keys-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
beforeEach(async () => {
  const lake = await mkdtemp(path.join(os.tmpdir(), 'millrace-gateway-lake-'));
  await publishContracts(lake);
  gateway = await TestGateway.start({ MASTER_KEY_FILE: path.join(folder, 'master.json') }, { lake });
});
afterEach(() => gateway?.stop());

const lines = (events: readonly unknown[]): string => events.map((event) => JSON.stringify(event)).join('\n');

it('what waits in the log shows nothing of the events, and is opened to their exact bytes', async () => {
  const events = [1, 2, 3].map((n) => shipment(n, { driver_name: `Canary ${n}` }));
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const answer = await gateway.post('/v1/events', `${lines(events)}\n{"driver_name": "Canary 4"`, ndjson);
  expect(answer).toMatchObject({ status: 202, json: { accepted: 3, quarantined: 1 } });
  const cloud = { 'ce-id': 'c1', 'ce-source': 's', 'ce-type': 'a.b', 'ce-specversion': '1.0', 'ce-person': 'Canary 5' };
  const single = await gateway.postJson('/v1/events', { n: 1 }, cloud);
  expect(single.status).toBe(202);

  const { rows } = await gateway.database.pool.query<{ body: Buffer; header: unknown }>(
    'SELECT body, header FROM log.batch',
  );
  for (const { body, header } of rows) expect(body.toString('latin1') + JSON.stringify(header)).not.toContain('Canary');
  const storage = createFilesystemStorage({ root: gateway.lake });
  const master = createFileMasterKeys(path.join(folder, 'master.json'), systemRandom);
  const keys = new DailyKeys({ storage, master, clock: systemClock, random: systemRandom });
  const opened: string[] = [];
  for (const { headers, value } of await gateway.items()) {
    const key = await keys.find(headers.sealed);
    if (!key) throw new Error('the key of the day is in storage');
    opened.push(openValues(headers, [value], key)[0].toString('utf8'));
    opened.push(...(headers.attributes ? [JSON.stringify(openHeaders(headers, key))] : []));
  }
  expect(opened.slice(0, 4)).toEqual([...events.map((event) => JSON.stringify(event)), '{"driver_name": "Canary 4"']);
  expect(opened.slice(4).join()).toContain('Canary 5');
});

it('nothing is taken in clear while the key cannot be had', async () => {
  await gateway.stop();
  await chmod(path.join(folder, 'master.json'), 0o644);
  try {
    const lake = await mkdtemp(path.join(os.tmpdir(), 'millrace-gateway-lake-'));
    await publishContracts(lake);
    gateway = await TestGateway.start({ MASTER_KEY_FILE: path.join(folder, 'master.json') }, { lake });
    const answer = await gateway.postJson('/v1/events', shipment(1));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await gateway.items()).toEqual([]);
    expect((await gateway.request('GET', '/readiness')).text).toContain('cannot be had');
  } finally {
    await chmod(path.join(folder, 'master.json'), 0o600);
  }
  expect((await gateway.postJson('/v1/events', shipment(1))).status).toBe(202);
});
