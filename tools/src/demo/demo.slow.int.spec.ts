import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { type Millrace, startMillrace } from '../start/millrace';
import { freePortRange } from '../start/fixtures/waiting';
import { WORKSPACE_ROOT } from '../start/services';
import { createTerminal } from '../start/terminal';
import { type DataSet, readDataSet } from './data-set';
import { tour } from './tour';

let dir: string;
let millrace: Millrace;
let log: string[];
const data = readDataSet();

beforeAll(async () => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-demo-'));
  log = [];
  millrace = await startMillrace(
    { dataDir: dir, portBase: await freePortRange(), workers: 1, jsonLogs: false },
    {
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'warn' },
      signal: new AbortController().signal,
      onLine: ({ process: name, text }) => log.push(`${name} ${text}`),
      say: (text) => log.push(text),
    },
  );
}, 120_000);

afterAll(async () => {
  await millrace?.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
}, 60_000);

it('every number of the real, dirty data is the known answer', async () => {
  const { right, shown } = await toured(data);
  if (!right) throw new Error(`${shown}\n${log.slice(-40).join('\n')}`);
  expect(shown).toContain('received 47,680 = landed 45,996 + duplicate 1,428 + quarantined 256 + pending 0');
  expect(shown).not.toContain('✗');
}, 120_000);

it('a second run counts duplicates and leaves the marts as they were', async () => {
  const { right, shown } = await toured(data);
  expect([right, shown.includes('✗')]).toEqual([true, false]);
  expect(shown).toContain('received 95,360 = landed 45,996 + duplicate 48,852 + quarantined 512 + pending 0');
}, 120_000);

it('says so when a single cell is not the known one', async () => {
  const [first, ...others] = data.known.carrier;
  const altered: DataSet = {
    ...data,
    lines: data.lines.slice(0, 5_000),
    known: { ...data.known, carrier: [{ ...first, on_time: Number(first?.['on_time']) + 1 }, ...others] },
  };
  const { right, shown } = await toured(altered);
  expect(right).toBe(false);
  expect(shown).toMatch(/✗ on time by carrier +1 differ: 9E on_time: 655 for 656/);
  expect(shown).toMatch(/✗ received in this run +5,000 +known answer: 47,680/);
}, 120_000);

async function toured(set: DataSet) {
  let shown = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      shown += chunk.toString();
      done();
    },
  });
  const terminal = createTerminal({ jsonLogs: false, levelMin: 'warn', out });
  const { right } = await tour({
    origin: millrace.url,
    data: set,
    terminal,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return { right, shown };
}
