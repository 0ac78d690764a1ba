import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { npmStart, type NpmStart, shell } from '../start/fixtures/npm';
import { soon } from '../start/fixtures/whole';
import { WORKSPACE_ROOT } from '../start/services';
import { fencedBlocks } from './markdown';
import { matchShown } from './shown';

/** Pages whose commands are run with `npm start`; each speaks of things of its own. */
const PAGES = ['contracts', 'dimensions', 'privacy', 'quality', 'quarantine', 'time'].map((name) => `docs/${name}.md`);

let dir: string;
let started: NpmStart;
beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-pages-'));
  // Postgres may run as another account, which has to get to its data.
  fs.chmodSync(dir, 0o755);
  started = await npmStart(path.join(dir, 'data'));
}, 120_000);
afterAll(async () => {
  await started?.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
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
      const command = text.replaceAll('127.0.0.1:8080', `127.0.0.1:${started.base}`);
      if (answer?.language !== 'json') {
        await shell(command);
        if (command.includes('/v1/contracts')) await contractsInForce();
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

/** Waits until curation works under the newest contracts. */
async function contractsInForce(): Promise<void> {
  const read = async (where: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${started.base}${where}`)).text();
  await soon(async () => {
    const { index } = JSON.parse(await read('/v1/contracts')) as { index: number };
    const inForce = /^millrace_contracts_index(?:\{[^}]*\})? (\d+)/m.exec(await read('/curation-worker/metrics'))?.[1];
    return Number(inForce) >= index;
  }, 'curation works under the newest contracts');
}

/** What is no JSON is shown as it is. */
function parsed(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return output;
  }
}
