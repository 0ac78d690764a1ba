import path from 'node:path';
import { FailpointPlans } from '../chaos/failpoint-plans';
import { readDataSet } from '../demo/data-set';
import { soon, startWhole, type Whole } from '../start/fixtures/whole';
import { runningProcesses } from '../start/running';

// Contracts over real services: published by HTTP, used by everybody who runs, tried on history while a worker is killed.

const LINES = 4_000;
const MILES_MAX = 1_000;
const YAML = { 'content-type': 'application/yaml' };

let whole: Whole;
let failpoints: FailpointPlans;

beforeAll(async () => {
  whole = await startWhole({
    name: 'contracts',
    env: (dir) => {
      failpoints = new FailpointPlans(path.join(dir, 'failpoints'));
      return {
        ...{ CONTRACTS_POLL_EVERY: '1h', SHADOW_ITEMS_PER_SECOND_MAX: '1500', WORK_LEASE: '2s' },
        // A worker that was killed is found soon, and its replays go on.
        ...{ WORKER_HEARTBEAT_EVERY: '500ms', WORKER_SILENCE_MAX: '4s' },
        ...failpoints.env,
      };
    },
  });
}, 120_000);

afterAll(() => whole?.stop(), 60_000);

const call: Whole['call'] = (...request) => whole.call(...request);

const contract = (version: string, extra = ''): string => `
apiVersion: v3.1.0
kind: DataContract
id: 4f6c2a10-9c2b-4d4e-8d55-7a1f0c2b9e01
name: tickets
version: ${version}
status: active
schema:
  - name: tickets
    logicalType: object
    properties:
      - { name: ticket_id, logicalType: string, required: true }
${extra}
customProperties:
  - { property: eventTypes, value: [ticket.opened] }
`;
const ticket = (id: string, payload: object): object => ({
  ...{ event_id: id, event_type: 'ticket.opened', source: 'desk', event_time: '2026-01-15T10:30:00Z' },
  payload: { ticket_id: id, ...payload },
});

it('a contract that is published by HTTP is used by the gateway and by curation', async () => {
  const strict = (event: object) => call('POST', '/v1/events?strict=true', event);
  expect((await strict(ticket('before', { urgent: 'yes' }))).status).toBe(202);
  expect((await call('POST', '/v1/contracts', contract('1.0.0'), YAML)).status).toBe(201);
  const urgent = contract('1.1.0', '      - { name: urgent, logicalType: boolean }');
  expect((await call('PUT', '/v1/contracts/tickets', urgent, YAML)).status).toBe(201);
  await soon(async () => (await strict(ticket('strict', { urgent: 'yes' }))).status === 400, 'the gateway refuses');
  let sent = 0;
  const quarantined = await soon(async () => {
    await call('POST', '/v1/events', ticket(`t-${sent++}`, { urgent: 'yes' }));
    const { rows } = (await call('GET', '/v1/quarantine')).json;
    return rows.find(({ eventType }: { eventType: string }) => eventType === 'ticket.opened');
  }, 'curation quarantines');
  expect(quarantined).toMatchObject({ contract: 'tickets', path: '$.payload.urgent' });
  const refused = await call(
    'POST',
    '/v1/contracts',
    contract('1.2.0', '      - { name: by, logicalType: string, required: true }'),
    YAML,
  );
  expect([refused.status, refused.json.errors[0].path]).toEqual([409, '$.payload.by']);
  const { rows } = await soon(async () => {
    const { json } = await call('GET', '/v1/audit');
    return json.rows.some(({ subject }: { subject: string }) => subject === 'tickets@1.1.0') && json;
  }, 'the audit shows it');
  expect(rows.filter(({ subject }: { subject: string }) => subject === 'tickets@1.1.0')).toMatchObject([
    { actor: 'local' },
  ]);
}, 120_000);

it('a version is tried on raw data before it is published, also where the worker is killed meanwhile', async () => {
  const lines = readDataSet().lines.slice(0, LINES);
  const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  const sent = await fetch(`${whole.millrace.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: new Uint8Array(body),
  });
  expect(sent.status).toBe(202);
  await soon(async () => {
    const { totals } = (await call('GET', '/v1/conservation')).json;
    return totals.received >= LINES && totals.pending === 0;
  }, 'everything has its fate');
  const known = (await call('GET', '/v1/contracts/shipment_status_changed')).text;
  const proposed = known
    .replace('version: 1.0.0', 'version: 1.1.0')
    .replace(
      /(name: distance_miles\n +logicalType: integer\n +logicalTypeOptions: \{ minimum: 0)/,
      `$1, maximum: ${MILES_MAX}`,
    );
  const asked = await call('POST', '/v1/contracts/shipment_status_changed/shadow?days=2', proposed, YAML);
  expect(asked).toMatchObject({ status: 202, json: { status: 'requested', version: '1.1.0' } });
  const route = `/v1/contracts/shipment_status_changed/shadow/${asked.json.id}`;

  await soon(async () => (await call('GET', route)).json.status === 'running', 'it runs');
  const worker = await soon(
    async () => runningProcesses(whole.dataDir).find(({ name }) => name === 'curation-worker'),
    'there is a worker',
  );
  process.kill(worker.pid, 'SIGKILL');

  const shadow = await soon(async () => {
    const { json } = await call('GET', route);
    return json.status === 'done' && json;
  }, 'it is done');
  // Told from the lines alone: those that hold too long a lane, less those that were quarantined anyway.
  const far = lines.filter((line) => {
    try {
      return JSON.parse(line.toString('utf8')).payload.distance_miles > MILES_MAX;
    } catch {
      return false;
    }
  }).length;
  const { result } = shadow;
  expect(result.breaks).toBeGreaterThan(far * 0.9);
  expect(result.breaks).toBeLessThanOrEqual(far);
  expect(result.passes + result.breaks + result.heals + result.fails + result.unreadable).toBe(result.items);
  expect(result.breaksPercent).toBeCloseTo((100 * result.breaks) / result.items, 3);
  expect(result.rules).toMatchObject([
    { path: '$.payload.distance_miles', breaks: result.breaks, sources: { nycflights13: result.breaks } },
  ]);
  const [sample] = result.rules[0].samples;
  expect((await call('GET', `/v1/events/${sample.eventId}/trace`)).json.status).toBe('LANDED');
  // Nothing was published by trying.
  expect((await call('GET', '/v1/contracts/shipment_status_changed/versions')).json.rows).toHaveLength(1);

  const second = await call('POST', '/v1/contracts/shipment_status_changed/shadow', proposed, YAML);
  const other = `/v1/contracts/shipment_status_changed/shadow/${second.json.id}`;
  expect((await call('DELETE', other)).status).toBe(202);
  await soon(async () => (await call('GET', other)).json.status === 'cancelled', 'it is cancelled');
}, 180_000);

/** Of a carrier that no contract knows yet. */
const ofNewCarrier = (i: number): object => ({
  ...{ event_id: `zz-${i}`, event_type: 'shipment.status.changed', source: 'carrier-zz' },
  event_time: '2013-02-14T15:00:00Z',
  payload: {
    ...{ shipment_id: `zz-${i}`, status: 'created', service_date: '2013-02-14', carrier_code: 'ZZ', service_no: i },
    ...{ facility_id: 'JFK', geo: { lat: 40.6, lon: -73.8 }, lane: 'JFK-BQN', distance_miles: 1_576 },
    ...{ planned_pickup: '2013-02-14T16:00:00Z', eta: '2013-02-14T20:00:00Z' },
  },
});

type Books = Record<'received' | 'landed' | 'duplicate' | 'quarantined' | 'pending', number>;
const booksNow = async (): Promise<Books> => (await call('GET', '/v1/conservation')).json.totals;

it('a version that takes what was quarantined heals it, once, though the worker dies twice in the replay', async () => {
  const events = Array.from({ length: 60 }, (_, i) => ofNewCarrier(i));
  const settled = (): Promise<Books> =>
    soon(async () => {
      const totals = await booksNow();
      return totals.pending === 0 && totals;
    }, 'everything has its fate');
  const empty = await settled();
  expect((await call('POST', '/v1/events', events)).status).toBe(202);
  // Nothing of it has landed: sent again, it is quarantined again.
  expect((await call('POST', '/v1/events', [events[0]])).status).toBe(202);
  const quarantined = { ...empty, received: empty.received + 61, quarantined: empty.quarantined + 61 };
  await soon(async () => (await booksNow()).quarantined === quarantined.quarantined, 'all of it is quarantined');
  expect(await settled()).toEqual(quarantined);
  const { rows: groups } = (await call('GET', '/v1/quarantine/groups')).json;
  const ids: string[] = [];
  for (const { group } of groups.filter(({ path: at }: { path: string }) => at === '$.payload.carrier_code'))
    for (const { id, eventId } of (await call('GET', `/v1/quarantine?group=${group}&limit=200`)).json.rows)
      if (/^zz-/.test(eventId)) ids.push(id);
  expect(ids).toHaveLength(61);
  const plan = async () => (await call('POST', '/v1/quarantine/plan', { ids })).json;
  expect(await plan()).toMatchObject({ selected: 61, wouldPass: 0, wouldFail: 61, martPartitions: {} });
  const day = '/v1/shipments/daily?from=2013-02-14&to=2013-02-14&carrier_code=ZZ';
  expect((await call('GET', day)).json.rows).toEqual([]);
  const rowsOf = async (): Promise<number> => (await call('GET', '/v1/tables/clean.shipment_events')).json.rows;
  const before = await rowsOf();

  const known = (await call('GET', '/v1/contracts/shipment_status_changed')).text;
  const knowsIt = known.replace(/^version: .*$/m, 'version: 1.1.0').replace('WN, YV]', 'WN, YV, ZZ]');
  expect((await call('POST', '/v1/contracts', knowsIt, YAML)).status).toBe(201);
  const planned = await soon(async () => {
    const json = await plan();
    return json.wouldFail === 0 && json;
  }, 'the new version is in force');
  expect(planned).toMatchObject({ selected: 61, wouldPass: 60, duplicates: 1 });
  expect(planned.martPartitions['mart.shipments_daily']).toEqual(['2013-02-14']);

  // Its next processes die between noting a batch and landing it, and between landing one and going on.
  const consumed = (): Promise<true> =>
    soon(async () => failpoints.isTaken('curation-worker'), 'the next worker has its plan');
  failpoints.plan('curation-worker', 'curation-worker/replay-noted=crash@2');
  const [worker] = runningProcesses(whole.dataDir).filter(({ name }) => name === 'curation-worker');
  process.kill(worker.pid, 'SIGKILL');
  await consumed();
  failpoints.plan('curation-worker', 'curation-worker/replay-landed=crash');
  const asked = { ids, ratePerSecond: 20 };
  const started = await soon(async () => {
    const answer = await call('POST', '/v1/quarantine/replay', asked);
    return answer.status === 202 && answer.json;
  }, 'the replay is begun');
  await consumed();
  const job = await soon(async () => {
    const { status, json } = await call('GET', `/v1/quarantine/jobs/${started.id}`);
    return status === 200 && json.state !== 'running' && json;
  }, 'the replay is over');
  expect(job).toMatchObject({ state: 'done', selected: 61, landed: 60, duplicate: 1, failed: 0, remaining: 0 });
  const died = failpoints.done('curation-worker');
  expect(died).toEqual(['curation-worker/replay-noted crash', 'curation-worker/replay-landed crash']);

  const healedBooks = { ...quarantined, landed: empty.landed + 60, duplicate: empty.duplicate + 1 };
  await soon(async () => (await booksNow()).quarantined === empty.quarantined, 'the books know it');
  expect(await settled()).toEqual({ ...healedBooks, quarantined: empty.quarantined });
  const healed = await soon(async () => {
    const { rows } = (await call('GET', day)).json;
    return rows[0]?.created >= 60 && rows;
  }, 'the mart is corrected');
  expect(healed).toMatchObject([{ service_date: '2013-02-14', carrier_code: 'ZZ', created: 60 }]);
  expect(await rowsOf()).toBe(before + 60);
  expect((await call('GET', '/v1/events/zz-7/trace')).json.status).toBe('LANDED');
  expect((await plan()).selected).toBe(0);
}, 180_000);
