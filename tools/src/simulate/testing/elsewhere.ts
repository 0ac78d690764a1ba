import { execFile } from 'node:child_process';
import path from 'node:path';

const MAIN = path.join(__dirname, '../../../dist/simulate/main.js');

/** As the script of package.json has them: a tenth less CPU time, for what lives as long as a run is not copied. */
const OPTIONS = ['--max-semi-space-size=64'];

/** `npm run simulate -- …` in a process of its own: among a test runner's modules a seed takes many times as long. */
export function simulateElsewhere(...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const script = `require(${JSON.stringify(MAIN)}).main(${JSON.stringify(args)})`;
  return new Promise((resolve) =>
    execFile(process.execPath, [...OPTIONS, '-e', script], { maxBuffer: 64 << 20 }, (error, stdout) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout }),
    ),
  );
}
