import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fs from 'node:fs';
import path from 'node:path';
import { fencedBlocks } from '../docs/markdown';
import { createClient, type MillraceClient, type Totals } from '../demo/client';
import { soon, startWhole, type Whole } from '../start/fixtures/whole';
import { WORKSPACE_ROOT } from '../start/services';

/** What event-generator says has to come of a load, against what conservation counts once all of it is settled. */
interface Load {
  readonly id: string;
  readonly state: string;
  readonly acknowledged: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly duplicates: Readonly<Record<string, number>>;
  readonly expected: Omit<Totals, 'pending'> & { readonly exact: boolean };
}

let whole: Whole;
let client: MillraceClient;

beforeAll(async () => {
  // The gateway takes nothing without a token, which the generator is given.
  const env = { LOG_LEVEL: 'error', INGEST_AUTH_MODE: 'token', INGEST_TOKEN: 'a'.repeat(32) };
  whole = await startWhole({ name: 'load', env });
  client = createClient(whole.millrace.url);
}, 120_000);

afterAll(() => whole?.stop(), 60_000);

async function run(load: object): Promise<Load> {
  const { id } = (await whole.call('POST', '/load', load)).json as Load;
  return soon(async () => {
    const status = (await whole.call('GET', `/load/${id}`)).json as Load;
    return status.state !== 'running' && status;
  }, `load ${id} is over`);
}

const settled = (): Promise<Totals> =>
  soon(async () => {
    const totals = await client.conservation();
    return totals.pending === 0 && totals;
  }, 'nothing is pending');

const difference = (after: Totals, before: Totals): object => ({
  received: after.received - before.received,
  landed: after.landed - before.landed,
  duplicate: after.duplicate - before.duplicate,
  quarantined: after.quarantined - before.quarantined,
});

it.each(['shipment', 'order', 'inventory', 'user_activity', 'telemetry'])(
  'what comes of a load of %s events is what the load says',
  async (type) => {
    const before = await settled();
    const shares = { duplicates: 0.2, late: 0.1, corrupt: 0.2 };
    const load = await run({ type, ratePerSecond: 600, seconds: 1, ...shares, seed: `spec-${type}` });
    expect([load.state, load.acknowledged]).toEqual(['finished', 600]);
    for (const kind of ['fresh', 'late', 'duplicate', 'corrupt']) expect(load.byKind[kind]).toBeGreaterThan(20);
    const { exact, received, landed, duplicate, quarantined } = load.expected;
    expect(exact).toBe(true);
    expect(difference(await settled(), before)).toEqual({ received, landed, duplicate, quarantined });
  },
  60_000,
);

it('the same load again is duplicates and nothing else', async () => {
  const load = { type: 'shipment', ratePerSecond: 300, seconds: 0.5, seed: 'again', from: '2026-03-01T12:00:00Z' };
  const first = await run(load);
  const before = await settled();
  await run(load);
  expect(first.expected.landed).toBe(150);
  expect(difference(await settled(), before)).toEqual({ received: 150, landed: 0, duplicate: 150, quarantined: 0 });
}, 60_000);

it('a generated event can be followed by the id that was answered', async () => {
  const { eventIds } = (await whole.call('POST', '/generate/order?count=2&seed=trace')).json as { eventIds: string[] };
  await settled();
  for (const id of eventIds) {
    expect(await client.trace(id)).toMatchObject({ status: 'LANDED', receipts: [{ fate: 'landed' }] });
  }
}, 60_000);

it('the commands of docs/event-generator.md do what it says', async () => {
  const page = fs.readFileSync(path.join(WORKSPACE_ROOT, 'docs', 'event-generator.md'), 'utf8');
  const commands = fencedBlocks(page).filter(({ language }) => language === 'sh');
  const answers = await Promise.all(
    commands.map(async ({ text }) => {
      const moved = text
        .replaceAll('http://127.0.0.1:8080', whole.millrace.url)
        .replaceAll('curl -s', 'curl -sS --fail-with-body');
      const { stdout } = await promisify(execFile)('sh', ['-ec', moved], { maxBuffer: 16 << 20 });
      return stdout;
    }),
  );
  const [order, shipments, load] = answers as [string, string, string];
  expect(JSON.parse(order)).toMatchObject({ acknowledged: 100, seed: 'spring', from: '2026-01-05T00:00:00.000Z' });
  expect(JSON.parse(shipments)).toMatchObject({ lines: 5_000, acknowledged: 5_000, requests: 5 });
  expect(load).toContain('"state":"running"');
}, 60_000);
