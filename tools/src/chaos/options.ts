import path from 'node:path';
import { parseArgs } from 'node:util';
import { StartError } from '../start/start-error';

export interface ChaosCommand {
  readonly seeds: readonly number[];
  readonly kills: number;
  /** Crash at each named failpoint instead. */
  readonly failpoints: boolean;
  /** Only those whose name holds this text. */
  readonly only: string;
  readonly dataDir: string | null;
  readonly portBase: number;
}

export const CHAOS_USAGE = `npm run chaos -- [options]
  --seed S         one seed (default: 1, 2 and 3, one after the other)
  --kills N        processes killed in each run (default 60)
  --failpoints     crash at every named failpoint once instead
  --only TEXT      with --failpoints: those whose name holds this text
  --data DIR       where a run keeps its data (default: a temporary folder, removed unless something is found)
  --port-base N    ports N to N+15 (default 9080)`;

const SEEDS = [1, 2, 3];
const KILLS = 60;
const PORT_BASE = 9080;

/** Null when help was asked for. @throws StartError naming the option */
export function parseChaosOptions(args: readonly string[], cwd: string): ChaosCommand | null {
  const values = parse(args);
  if (values.help) return null;
  const seed = whole('--seed', values.seed, 0, 2 ** 31);
  return {
    seeds: seed === undefined ? SEEDS : [seed],
    kills: whole('--kills', values.kills, 1, 10_000) ?? KILLS,
    failpoints: values.failpoints ?? false,
    only: values.only ?? '',
    dataDir: values.data === undefined ? null : path.resolve(cwd, values.data),
    portBase: whole('--port-base', values['port-base'], 1_024, 65_000) ?? PORT_BASE,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    ...{ seed: text, kills: text, failpoints: flag, only: text, data: text, 'port-base': text },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${CHAOS_USAGE}`);
  }
}

function whole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new StartError(`${name} is ${JSON.stringify(text)}; it takes a whole number from ${min} to ${max}.`);
  return value;
}
