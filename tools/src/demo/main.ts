import path from 'node:path';
import { LogFiles } from '../start/log-files';
import type { ChildLine } from '../start/log-lines';
import { type Millrace, startMillrace } from '../start/millrace';
import { DEMO_USAGE, parseOptions, type StartOptions } from '../start/options';
import { aborted, runCommand } from '../start/run-command';
import { createTerminal, type Terminal, urlTable } from '../start/terminal';
import { readDataSet } from './data-set';
import type { Progress } from './progress';
import { phaseLine } from './report';
import { type Phase, type Toured, tour } from './tour';

/** `npm run demo`: everything, with the bundled data set loaded and its answers checked. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal, running) => {
    const launched = Number(process.env['MILLRACE_LAUNCHED_AT'] ?? Date.now());
    const options = parseOptions('demo', args, process.env['INIT_CWD'] ?? process.cwd());
    if (!options) {
      console.log(DEMO_USAGE);
      return 0;
    }
    const data = readDataSet();
    let bar: Progress | null = null;
    const terminal = createTerminal({ jsonLogs: options.jsonLogs, levelMin: 'warn', beforeLine: () => bar?.clear() });
    const { counts } = data.known;
    terminal.print(
      `The movements of ${counts.shipments.toLocaleString('en-US')} shipments: ${counts.received.toLocaleString('en-US')} lines, shuffled, late, repeated and damaged. Starting Millrace (the first start also builds it) …`,
    );
    const building: Phase = { name: 'build', ms: Date.now() - launched };
    const startedAt = performance.now();
    const millrace = await startLogged(options, terminal, signal);
    running(millrace);
    const starting: Phase = { name: 'start', ms: performance.now() - startedAt };
    let toured: Toured;
    try {
      toured = await tour({ origin: millrace.url, data, terminal, signal, onProgress: (progress) => (bar = progress) });
    } catch (error) {
      await millrace.stop();
      throw error;
    }
    const phases = [building, starting, ...toured.phases];
    terminal.print(`\n${verdict(toured, terminal)}\n${terminal.colors.dim(phaseLine(phases))}`);
    if (!options.exit) {
      terminal.print(urlTable(millrace, terminal.colors, starting.ms));
      await aborted(signal);
    }
    await millrace.stop();
    return options.exit && !toured.right ? 1 : 0;
  });
}

/** Log lines go to files here, so that the answers can be read; warnings are shown as well. */
function startLogged(options: StartOptions, terminal: Terminal, signal: AbortSignal): Promise<Millrace> {
  const files = new LogFiles(path.join(options.dataDir, 'logs'));
  const onLine = (line: ChildLine): void => {
    files.write(line.process, line.text);
    terminal.line(line);
  };
  return startMillrace(options, {
    env: process.env,
    signal,
    onLine,
    say: (text, level) => (level === 'warn' ? terminal.say(text, level) : undefined),
  });
}

function verdict({ right }: Toured, { colors }: Terminal): string {
  return right
    ? colors.green(colors.bold('✓ Every number is the known answer.'))
    : colors.red(colors.bold('✗ Not every number is the known answer: see the marks above.'));
}
