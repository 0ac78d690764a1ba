import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { npmStart, type NpmStart, shell } from '../start/fixtures/npm';
import { freePortRange } from '../start/fixtures/waiting';
import { soon } from '../start/fixtures/whole';
import { WORKSPACE_ROOT } from '../start/services';
import { fencedBlocks } from './markdown';
import { matchShown } from './shown';

/** README's commands as they stand there, with other ports and folders in place of the defaults. */
const blocks = fencedBlocks(fs.readFileSync(path.join(WORKSPACE_ROOT, 'README.md'), 'utf8'));
const [install, ...curls] = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
const shown = blocks.filter(({ language }) => language === 'json').map(({ text }) => text);

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
  let started: NpmStart;
  beforeAll(async () => (started = await npmStart(path.join(dir, 'start'))), 120_000);
  afterAll(() => started?.stop(), 60_000);

  it('the event is taken, and its trace tells its way, as README shows', async () => {
    const [send, trace] = curls.map((text) => text.replaceAll('127.0.0.1:8080', `127.0.0.1:${started.base}`)) as [
      string,
      string,
    ];
    expect(matchShown(shown[0] as string, JSON.parse((await shell(send)).output))).toEqual([]);
    let differences: string[] = [];
    const answer = await soon(async () => {
      const { output } = await shell(trace);
      differences = matchShown(shown[1] as string, JSON.parse(output));
      return differences.length === 0 && output;
    }).catch((error: Error) => Promise.reject(new Error(`${error.message}: ${differences.join(', ')}`)));
    // Digits are as they were sent; a parsed answer could not tell.
    expect(answer).toMatch(/"total": ?12\.50/);
  }, 60_000);

  it('each service has the pages that README names', async () => {
    for (let port = started.base + 1; port <= started.base + 5; port++) {
      for (const page of ['/docs', '/readiness', '/metrics']) {
        const { status } = await fetch(`http://127.0.0.1:${port}${page}`);
        expect([port - started.base, page, status]).toEqual([port - started.base, page, 200]);
      }
    }
  });
});
