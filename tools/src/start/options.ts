import path from 'node:path';
import { parseArgs } from 'node:util';
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
  help: { type: 'boolean', short: 'h' },
} as const;

/** Null when help was asked for. Given paths are relative to `cwd`, the default to the workspace. Throws StartError naming the option. */
export function parseOptions(command: 'start' | 'demo', args: readonly string[], cwd: string): DemoOptions | null {
  const usage = command === 'demo' ? DEMO_USAGE : START_USAGE;
  const values = parse(args, usage);
  if (values.exit && command === 'start') throw new StartError(`--exit belongs to npm run demo.\n\n${usage}`);
  if (values.help) return null;
  const { data, workers } = values;
  if (data === '') throw new StartError('--data takes a folder.');
  return {
    dataDir:
      data === undefined
        ? path.join(WORKSPACE_ROOT, '.millrace', ...(command === 'demo' ? ['demo'] : []))
        : path.resolve(cwd, data),
    portBase: whole('--port-base', values['port-base'], 1, 65_000),
    workers: whole('--workers', workers, 1, WORKERS_MAX) ?? 1,
    jsonLogs: values['json-logs'] ?? false,
    exit: values.exit ?? false,
  };
}

function parse(args: readonly string[], usage: string) {
  try {
    return parseArgs({ args: [...args], options: SPEC, strict: true }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${usage}`);
  }
}

function whole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new StartError(`${name} is ${JSON.stringify(text)}; it takes a whole number from ${min} to ${max}.`);
  return value;
}
