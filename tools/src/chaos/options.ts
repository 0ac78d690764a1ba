import path from 'node:path';
import { portBaseOf, readCommandLine, whole } from '../start/command-line';

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
const OPTIONS = {
  seed: { type: 'string' },
  kills: { type: 'string', default: '60' },
  failpoints: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  data: { type: 'string' },
  'port-base': { type: 'string', default: '9080' },
} as const;

/** Null when help was asked for. @throws StartError naming the option */
export function parseChaosOptions(args: readonly string[], cwd: string): ChaosCommand | null {
  const { values } = readCommandLine(args, OPTIONS, { usage: CHAOS_USAGE });
  if (values.help) return null;
  return {
    seeds: values.seed === undefined ? SEEDS : [whole('--seed', values.seed, 0, 2 ** 31)],
    kills: whole('--kills', values.kills, 1, 10_000),
    failpoints: values.failpoints,
    only: values.only,
    dataDir: values.data === undefined ? null : path.resolve(cwd, values.data),
    portBase: portBaseOf(values['port-base']),
  };
}
