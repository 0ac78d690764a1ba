import path from 'node:path';
import { portBaseOf, readCommandLine, whole } from './command-line';
import { WORKSPACE_ROOT } from './services';
import { StartError } from './start-error';

export interface StartOptions {
  readonly dataDir: string;
  readonly portBase: number | undefined;
  readonly workers: number;
  /** Print the services' log lines as they wrote them. */
  readonly jsonLogs: boolean;
}

export interface DemoOptions extends StartOptions {
  /** Leave once the answers are printed, with status 1 if one is wrong. */
  readonly exit: boolean;
}

const WORKERS_MAX = 8;

export const START_USAGE = `npm start -- [options]
  --data DIR       where everything is kept (default .millrace)
  --port-base N    front door on N, services on N+1 to N+5, Postgres on N+9 (default 8080)
  --workers N      curation workers, 1 to ${WORKERS_MAX} (default 1)
  --json-logs      log lines as JSON`;

export const DEMO_USAGE = `npm run demo -- [options]
  --exit           leave when the answers are printed; status 1 if one is not the known answer
  --data DIR       where everything is kept (default .millrace/demo)
  --port-base N    front door on N, services on N+1 to N+5, Postgres on N+9 (default 8080)
  --workers N      curation workers, 1 to ${WORKERS_MAX} (default 1)
  --json-logs      log lines as JSON`;

const SPEC = {
  data: { type: 'string' },
  'port-base': { type: 'string' },
  workers: { type: 'string' },
  'json-logs': { type: 'boolean' },
  exit: { type: 'boolean' },
} as const;

/** Null when help was asked for. Given paths are relative to `cwd`, the default to the workspace. Throws StartError naming the option. */
export function parseOptions(command: 'start' | 'demo', args: readonly string[], cwd: string): DemoOptions | null {
  const usage = command === 'demo' ? DEMO_USAGE : START_USAGE;
  const { values } = readCommandLine(args, SPEC, { usage });
  if (values.exit && command === 'start') throw new StartError(`--exit belongs to npm run demo.\n\n${usage}`);
  if (values.help) return null;
  const { data, workers, 'port-base': given } = values;
  if (data === '') throw new StartError('--data takes a folder.');
  return {
    dataDir:
      data === undefined
        ? path.join(WORKSPACE_ROOT, '.millrace', ...(command === 'demo' ? ['demo'] : []))
        : path.resolve(cwd, data),
    portBase: given === undefined ? undefined : portBaseOf(given),
    workers: whole('--workers', workers ?? '1', 1, WORKERS_MAX),
    jsonLogs: values['json-logs'] ?? false,
    exit: values.exit ?? false,
  };
}
