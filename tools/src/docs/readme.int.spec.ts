import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePortRange } from '../start/fixtures/waiting';
import { WORKSPACE_ROOT } from '../start/services';
import { fencedBlocks } from './markdown';
import { matchShown } from './shown';

/** README's commands as they stand there, with other ports and folders in place of the defaults. */
const blocks = fencedBlocks(fs.readFileSync(path.join(WORKSPACE_ROOT, 'README.md'), 'utf8'));
const [install, ...curls] = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
const shown = blocks.filter(({ language }) => language === 'json').map(({ text }) => text);

/** Pages whose commands are run with `npm start`; each speaks of things of its own. */
const PAGES = ['contracts', 'dimensions', 'privacy', 'quality', 'quarantine', 'time'].map((name) => `docs/${name}.md`);

let dir: string;
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-readme-'));
  // Postgres may run as another account, which has to get to its data.
  fs.chmodSync(dir, 0o755);
});
afterAll(() => fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 }));

it('has the commands that this spec runs', () => {
  expect(install).toBe('npm ci && npm run demo');
  expect(curls.map((text) => text.split(' ')[0])).toEqual(['curl', 'curl']);
  expect(shown).toHaveLength(curls.length);
});

it('the demo ends with the numbers that README shows', async () => {
  const [, demo] = (install as string).split('&&').map((command) => command.trim());
  const base = await freePortRange();
  const { code, output } = await shell(`${demo} -- --exit --data ${path.join(dir, 'demo')} --port-base ${base}`);
  const line = 'received 47,680 = landed 45,996 + duplicate 1,428 + quarantined 256 + pending 0';
  const said = {
    code,
    conserved: output.includes(line),
    known: output.includes('✓ Every number is the known answer.'),
  };
  if (!said.known) console.error(output.slice(-8_000));
  expect(said).toEqual({ code: 0, conserved: true, known: true });
  // The table that README shows an excerpt of, cell for cell.
  const table =
    blocks
      .find(({ text }) => text.includes('│ carrier'))
      ?.text.split('\n')
      .filter((row) => /^│ \S/.test(row)) ?? [];
  expect(table.length).toBeGreaterThan(2);
  const cells = (row: string): string[] => row.split('│').map((cell) => cell.trim());
  const printed = output.split('\n').map((row) => JSON.stringify(cells(row)));
  for (const row of table) expect(printed).toContain(JSON.stringify(cells(row)));
}, 180_000);

describe('with `npm start`', () => {
  let base: number;
  let ended: Promise<void>;
  let stop: () => void;

  beforeAll(async () => {
    base = await freePortRange();
    const child = spawn('npm', ['start', '--', '--data', path.join(dir, 'start'), '--port-base', String(base)], {
      cwd: WORKSPACE_ROOT,
      env: quietEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    ended = new Promise((resolve) => child.on('close', () => resolve()));
    // npm and what it runs are one group, as under a terminal's Ctrl-C.
    stop = () => process.kill(-(child.pid as number), 'SIGINT');
    await Promise.race([
      ended.then(() => Promise.reject(new Error(output))),
      (async () => {
        while (!output.includes('Millrace is ready')) await sleep(50);
      })(),
    ]);
  }, 120_000);
  afterAll(async () => {
    stop?.();
    await ended;
  }, 60_000);

  it('the event is taken, and its trace tells its way, as README shows', async () => {
    const [send, trace] = curls.map((text) => text.replaceAll('127.0.0.1:8080', `127.0.0.1:${base}`)) as [
      string,
      string,
    ];
    expect(matchShown(shown[0] as string, JSON.parse((await shell(send)).output))).toEqual([]);
    const deadline = Date.now() + 30_000;
    let differences: string[];
    let answer: string;
    do {
      answer = (await shell(trace)).output;
      differences = matchShown(shown[1] as string, JSON.parse(answer));
    } while (differences.length > 0 && Date.now() < deadline);
    expect(differences).toEqual([]);
    // Digits are as they were sent; a parsed answer could not tell.
    expect(answer).toMatch(/"total": ?12\.50/);
  }, 60_000);

  // Commands with the answer that the page shows below them, in order; an answer may take its time to become so.
  it.each(PAGES)(
    'what %s shows is so',
    async (page) => {
      const shownBy = fencedBlocks(fs.readFileSync(path.join(WORKSPACE_ROOT, page), 'utf8'));
      let compared = 0;
      for (const [i, { language, text }] of shownBy.entries()) {
        const answer = shownBy[i + 1];
        if (language !== 'sh' || !text.startsWith('curl')) continue;
        const command = text.replaceAll('127.0.0.1:8080', `127.0.0.1:${base}`);
        if (answer?.language !== 'json') {
          await shell(command);
          if (command.includes('/v1/contracts')) await contractsInForce(base);
          continue;
        }
        const deadline = Date.now() + 60_000;
        const compare = async (): Promise<string[]> => matchShown(answer.text, parsed((await shell(command)).output));
        let differences = await compare();
        while (differences.length > 0 && !/ -X | -d /.test(command) && Date.now() < deadline) {
          await sleep(250);
          differences = await compare();
        }
        expect({ command, differences }).toEqual({ command, differences: [] });
        compared++;
      }
      expect(compared).toBeGreaterThan(0);
    },
    240_000,
  );

  it('each service has the pages that README names', async () => {
    for (let port = base + 1; port <= base + 4; port++) {
      for (const page of ['/docs', '/readiness', '/metrics']) {
        const { status } = await fetch(`http://127.0.0.1:${port}${page}`);
        expect([port - base, page, status]).toEqual([port - base, page, 200]);
      }
    }
  });
});

/** Waits until curation works under the newest contracts. */
async function contractsInForce(base: number): Promise<void> {
  const read = async (where: string): Promise<string> => (await fetch(`http://127.0.0.1:${base}${where}`)).text();
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { index } = JSON.parse(await read('/v1/contracts')) as { index: number };
    const inForce = /^millrace_contracts_index(?:\{[^}]*\})? (\d+)/m.exec(await read('/curation-worker/metrics'))?.[1];
    if (Number(inForce) >= index) return;
    if (Date.now() > deadline) throw new Error(`curation works under contracts ${inForce}, the newest are ${index}`);
    await sleep(50);
  }
}

/** What is no JSON is shown as it is. */
function parsed(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return output;
  }
}

async function shell(command: string): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], {
      cwd: WORKSPACE_ROOT,
      env: quietEnvironment(),
      maxBuffer: 64 << 20,
    });
    return { code: 0, output: stdout + (command.startsWith('npm') ? stderr : '') };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}\n${stderr}` };
  }
}

/** A user's shell: without what the test runner adds, which would make services load sources. */
function quietEnvironment(): NodeJS.ProcessEnv {
  const {
    NODE_ENV: _env,
    NODE_OPTIONS: _options,
    JEST_WORKER_ID: _id,
    MILLRACE_TEST_TIER: _tier,
    ...rest
  } = process.env;
  return { ...rest, NO_COLOR: '1' };
}
