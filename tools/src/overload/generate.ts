import { spawn } from 'node:child_process';
import path from 'node:path';
import { COMPILED_TOOLS } from '../start/services';
import type { LoadOutcome, LoadPlan } from './generator.child';

/** Runs the generator in a process of its own. */
export function generate(plan: LoadPlan, signal: AbortSignal): Promise<LoadOutcome> {
  const child = spawn(
    process.execPath,
    [path.join(COMPILED_TOOLS, 'overload', 'generator.child.js'), JSON.stringify(plan)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadOutcome);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}

/** Accepted requests a second over the measured seconds, the last one left out, which is not whole. */
export function acceptedPerSecond({ perSecond }: LoadOutcome): number {
  const whole = perSecond.length > 1 ? perSecond.slice(0, -1) : perSecond;
  return Array.from(whole, (count) => count ?? 0).reduce((sum, count) => sum + count, 0) / Math.max(1, whole.length);
}
