import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureGateway, SCENARIOS } from './measure';
import { RATIO_MIN, renderComparisons } from './report';

/**
 * `node dist/bench/main.js [--repeats 3] [--seconds 5] [--only single] [--set NAME=value]…`: prints the table, and ends
 * with 1 when a ratio is below what the design asks.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      repeats: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-gateway-'));
  try {
    const comparisons = await measureGateway({
      folder,
      scenarios: SCENARIOS.filter(({ name }) => name.includes(values.only)),
      repeats: Number(values.repeats),
      measureMs: Number(values.seconds) * 1000,
      settings: Object.fromEntries(
        values.set.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
      ),
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${renderComparisons(comparisons)}\n`);
    return comparisons.every(({ ratio }) => ratio >= RATIO_MIN) ? 0 : 1;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

void main().then((code) => process.exit(code));
