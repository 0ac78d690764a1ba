import { portBaseOf, readCommandLine, whole } from '../start/command-line';

/** Parts of the bench, in the order in which they run. */
export const PARTS: readonly string[] = [
  ...['envelope', 'curation', 'gateway', 'path', 'everything', 'freshness', 'publication', 'memory', 'growth'],
];
const USUAL = ['envelope', 'curation', 'gateway', 'path', 'freshness'];

export interface BenchArguments {
  readonly parts: ReadonlySet<string>;
  readonly portBase?: number;
  /** Growth: events really loaded before each probe, in all. */
  readonly events: readonly number[];
  /** Growth: events that the made history stands for. */
  readonly synthetic: number;
  readonly claimsMax: number;
  /** Growth: how often each history is probed. */
  readonly rounds: number;
  /** Growth: where histories are kept; null for nowhere. */
  readonly folder: string | null;
  /** Memory: length of the load. */
  readonly seconds: number;
}

export const BENCH_USAGE = `npm run bench -- [part …] [options]      (default ${USUAL.join(', ')})
  parts: ${PARTS.join(', ')}
  --port-base N    ports N to N+15
  --seconds N      memory: length of the load (default 600)
  --events N,N     growth: events really loaded, of each history (default 1000000,10000000)
  --synthetic N    growth: events that the made history stands for (default 100000000)
  --claims N       growth: its claims at most (default 100000000, some 13 GB)
  --rounds N       growth: how often each history is probed (default 3)
  --data DIR       growth: where histories are kept for later runs (default nowhere)`;

const OPTIONS = {
  'port-base': { type: 'string' },
  events: { type: 'string', default: '1000000,10000000' },
  synthetic: { type: 'string', default: '100000000' },
  claims: { type: 'string', default: '100000000' },
  rounds: { type: 'string', default: '3' },
  data: { type: 'string' },
  seconds: { type: 'string', default: '600' },
} as const;

const MANY = 1e12;

/** Null when help was asked for. @throws StartError for what it does not know */
export function readArguments(args: readonly string[]): BenchArguments | null {
  const { values, positionals } = readCommandLine(args, OPTIONS, { usage: BENCH_USAGE, words: PARTS });
  if (values.help) return null;
  return {
    parts: new Set(positionals.length > 0 ? positionals : USUAL),
    ...(values['port-base'] === undefined ? {} : { portBase: portBaseOf(values['port-base']) }),
    events: values.events.split(',').map((text) => whole('--events', text, 0, MANY)),
    synthetic: whole('--synthetic', values.synthetic, 0, MANY),
    claimsMax: whole('--claims', values.claims, 0, MANY),
    rounds: whole('--rounds', values.rounds, 0, 1_000),
    folder: values.data ?? null,
    seconds: whole('--seconds', values.seconds, 1, 864_000),
  };
}
