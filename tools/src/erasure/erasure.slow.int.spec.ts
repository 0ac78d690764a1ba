import path from 'node:path';
import { openDuck } from '@millrace/lakehouse';
import { createPool } from '@millrace/postgres';
import { tokenMarks } from '@millrace/topics';
import { adminUrlOf } from '../chaos/admin-url';
import { FailpointPlans } from '../chaos/failpoint-plans';
import { Search } from '../privacy/search';
import { soon, startWhole, type Whole } from '../start/fixtures/whole';
import { runningProcesses } from '../start/running';

// An erasure over real processes that die as by kill -9, at each place between two of its durable steps.

const WORKER_PLACES = ['erasure-drained', 'erasure-destroyed', 'erasure-searched'];
const TABLE_PLACES = ['erasure-searched', 'erasure-deleted', 'erasure-shown', 'erasure-swept'];
const DEATHS_MS_MAX = 120_000;

let whole: Whole;
let failpoints: FailpointPlans;

beforeAll(async () => {
  whole = await startWhole({
    name: 'erasure',
    env: (dir) => {
      failpoints = new FailpointPlans(path.join(dir, 'failpoints'));
      return {
        ...{ WORK_LEASE: '2s', WORKER_HEARTBEAT_EVERY: '500ms', WORKER_SILENCE_MAX: '4s', ERASURE_GRACE: '0s' },
        ...failpoints.env,
      };
    },
  });
}, 180_000);

afterAll(() => whole?.stop(), 60_000);

const call: Whole['call'] = (...request) => whole.call(...request);

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: stays
name: stays
version: 1.0.0
status: active
schema:
  - name: stays
    physicalName: stays
    properties:
      - { name: guest, logicalType: string, required: true, classification: personal }
      - { name: email, logicalType: string, classification: pii }
      - { name: nights, logicalType: integer, logicalTypeOptions: { minimum: 1 } }
customProperties:
  - { property: eventTypes, value: [stay.booked] }
  - { property: privacy, value: { subject: $.payload.guest, kind: guest } }
`;
const stay = (id: string, guest: string, nights = 1): object => ({
  ...{ event_id: id, event_type: 'stay.booked', source: 'desk', event_time: '2026-02-01T10:00:00Z' },
  payload: { guest, email: `${guest}@example.org`, nights },
});

const taken = (service: string): Promise<true> =>
  soon(async () => failpoints.isTaken(service), `a process of ${service} has its plan`, DEATHS_MS_MAX);

/** Lays a plan for the next process of a service. */
function planFor(service: string, place: string): void {
  failpoints.plan(service, `${service}/${place}=crash`);
}

/** In place of the process that runs comes one that dies at a place. */
async function replace(service: string, place: string): Promise<void> {
  planFor(service, place);
  process.kill((await processOf(service)).pid, 'SIGKILL');
  await taken(service);
}

/** Each process after it dies at the next place. */
async function dieAtEach(service: string, places: readonly string[]): Promise<void> {
  for (const place of places) {
    planFor(service, place);
    await taken(service);
  }
}

const processOf = (service: string) =>
  soon(async () => runningProcesses(whole.dataDir).find(({ name }) => name === service), `there is a ${service}`);

/** All that there is, files and every table of the database with the log's topics in them, is looked through for texts. */
async function placesOf(texts: readonly string[]): Promise<(text: string) => readonly string[]> {
  const url = adminUrlOf(whole.dataDir, whole.millrace.ports.postgres.port);
  const pool = createPool({ url, applicationName: 'erasure-spec', max: 1 });
  const duck = await openDuck({ memoryLimitMb: 256 });
  try {
    const search = new Search(texts);
    await search.files(whole.dataDir, duck, ['postgres']);
    await search.database(pool);
    for (const line of whole.log) search.look('log', line.slice(0, 200), line);
    return (text) => search.places.get(text) ?? [];
  } finally {
    await pool.end();
    await duck.close();
  }
}

const traceOf = async (id: string): Promise<string> => (await call('GET', `/v1/events/${id}/trace`)).json?.status;
const rowsOf = async (table: string): Promise<number> => (await call('GET', `/v1/tables/${table}`)).json?.rows;

it('is done once and whole, though its processes are killed at every step of it', async () => {
  expect((await call('POST', '/v1/contracts', CONTRACT, { 'content-type': 'application/yaml' })).status).toBe(201);
  await soon(async () => {
    await call('POST', '/v1/events', [stay(`ada-${Date.now()}`, 'ada-0001', 0)]);
    return (await call('GET', '/v1/quarantine')).json?.rows?.some(({ contract }: { contract: string }) => contract);
  }, 'the contract is in force');
  const events = Array.from({ length: 20 }, (_, i) => stay(`stay-${i}`, i % 2 === 0 ? 'ada-0001' : 'bob-0002'));
  expect((await call('POST', '/v1/events', events)).status).toBe(202);
  await soon(async () => (await rowsOf('clean.stays')) === 20, 'all stays are in their table');

  const [atFirst, ...afterwards] = WORKER_PLACES;
  const [inTables, ...further] = TABLE_PLACES;
  await Promise.all([replace('curation-worker', atFirst), replace('table-manager', inTables)]);
  const dying = [dieAtEach('curation-worker', afterwards), dieAtEach('table-manager', further)];
  await soon(async () => {
    const { status } = await call('POST', '/v1/erasure/run', { subject: { kind: 'guest', value: 'ada-0001' } });
    // The answer may have died with its process: then it is being erased already.
    return status === 202 || status === 409;
  }, 'the erasure is asked for');
  await Promise.all(dying);

  const erasure = await soon(
    async () => {
      const { status, json } = await call('GET', '/v1/erasure');
      return status === 200 && json.rows.find((row: { status: string }) => ['done', 'failed'].includes(row.status));
    },
    'the erasure has ended',
    DEATHS_MS_MAX,
  );
  expect(failpoints.done('curation-worker')).toEqual(WORKER_PLACES.map((place) => `curation-worker/${place} crash`));
  expect(failpoints.done('table-manager').map((line) => line.split(':')[0].replace(' crash', ''))).toEqual(
    TABLE_PLACES.map((place) => `table-manager/${place}`),
  );
  expect(erasure).toMatchObject({ status: 'done', report: { readable: 0, keys: { keysEpoch: 1 } } });
  expect(erasure.deleted.rows).toMatchObject({ 'clean.stays': 10 });
  expect((await call('GET', '/v1/erasure')).json.rows).toHaveLength(1);

  expect(await soon(async () => (await rowsOf('clean.stays')) === 10, 'the rows are gone')).toBe(true);
  expect(await traceOf('stay-1')).toBe('LANDED');
  const records = await soon(async () => {
    const { rows } = (await call('GET', '/v1/audit')).json;
    const of = rows.filter(({ subject }: { subject: string }) => subject === `erasure ${erasure.id}`);
    return of.length === 3 && of;
  }, 'the audit has request, destruction and end');
  expect(records.map(({ action }: { action: string }) => action).sort()).toEqual([
    'privacy.erasure_ended',
    'privacy.erasure_requested',
    'privacy.keys_destroyed',
  ]);
  const clear = ['ada-0001', 'bob-0002'];
  const [marks, places] = [
    tokenMarks(erasure.keys),
    await placesOf([...clear, ...tokenMarks(erasure.keys), 'stay.booked']),
  ];
  // What is not personal is found by the same search; of who was erased nothing is, in topics and read models neither.
  expect(places('stay.booked').map((place) => place.split(':')[0])).toEqual(
    expect.arrayContaining(['parquet', 'database']),
  );
  expect(clear.flatMap(places)).toEqual([]);
  // The report names what has tokens still: the smallest and largest values of columns, in the logs of tables.
  expect(marks.flatMap(places).filter((place) => !place.includes('_delta_log/'))).toEqual([]);
  expect(JSON.stringify(erasure.report.kept)).toContain('in the logs of the tables');
  expect(erasure.report.notSearched.map(({ place }: { place: string }) => place)).toContain('topics');

  // Landings go on under a new key, and everything of before is still accounted for.
  expect((await call('POST', '/v1/events', [stay('ada-again', 'ada-0001')])).status).toBe(202);
  await soon(async () => (await traceOf('ada-again')) === 'LANDED', 'an event of the subject lands again');
  const { totals } = (await call('GET', '/v1/conservation')).json;
  expect(totals.received).toBe(totals.landed + totals.duplicate + totals.quarantined + totals.pending);
}, 300_000);
