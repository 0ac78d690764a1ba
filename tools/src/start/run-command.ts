import type { Millrace } from './millrace';
import { StartError } from './start-error';

/** npm passes Ctrl-C on to a child that the terminal has already told: both arrive within this time and are one. */
const SAME_KEYSTROKE_MS = 500;

/**
 * Runs a command until it is done or told to stop, and exits the process.
 *
 * The first SIGINT, SIGTERM or SIGHUP aborts the signal given to `command`, the second calls `force` of the Millrace
 * that it reported by `running`. A StartError is printed without its stack.
 */
export async function runCommand(
  command: (signal: AbortSignal, running: (millrace: Millrace) => void) => Promise<number>,
  stderr: (text: string) => void = (text) => void process.stderr.write(`${text}\n`),
): Promise<void> {
  const abort = new AbortController();
  let millrace: Millrace | null = null;
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (!abort.signal.aborted) {
      firstAt = now;
      if (name === 'SIGINT')
        stderr('\nStopping: services finish what they hold (30 s at most). Ctrl-C again ends them at once.');
      abort.abort(new Stopped());
    } else if (now - firstAt > SAME_KEYSTROKE_MS) {
      stderr('Ending everything at once.');
      // While it starts there is nothing in flight: the children end with the channel to this process.
      if (millrace) millrace.force();
      else process.exit(130);
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  // `npm start | head`: nobody reads any more, so there is nobody to serve.
  process.stdout.on('error', () => onSignal('SIGTERM'));
  let status: number;
  try {
    status = await command(abort.signal, (running) => (millrace = running));
  } catch (error) {
    if (error instanceof Stopped) status = 0;
    else {
      status = 1;
      stderr(error instanceof StartError ? error.message : ((error as Error).stack ?? String(error)));
    }
  }
  process.exit(status);
}

/** The reason of an abort by signal. */
class Stopped extends Error {
  constructor() {
    super('stopped');
    this.name = 'Stopped';
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
