import { startMillrace } from './millrace';
import { parseOptions, START_USAGE } from './options';
import { aborted, runCommand } from './run-command';
import { createTerminal, urlTable } from './terminal';

/** `npm start`: everything, until told to stop. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal, running) => {
    const began = Number(process.env['MILLRACE_LAUNCHED_AT'] ?? Date.now());
    const options = parseOptions('start', args, process.env['INIT_CWD'] ?? process.cwd());
    if (!options) {
      console.log(START_USAGE);
      return 0;
    }
    const terminal = createTerminal({ jsonLogs: options.jsonLogs, levelMin: 'info' });
    const millrace = await startMillrace(options, {
      env: process.env,
      signal,
      onLine: terminal.line,
      say: terminal.say,
    });
    running(millrace);
    if (options.jsonLogs) terminal.say(`ready at ${millrace.url}`);
    else terminal.print(urlTable(millrace, terminal.colors, Date.now() - began));
    await aborted(signal);
    await millrace.stop();
    terminal.say('stopped');
    return 0;
  });
}
