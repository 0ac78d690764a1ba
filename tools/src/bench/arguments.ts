import { parseArgs } from 'node:util';
import { StartError } from '../start/start-error';

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

/** @throws StartError for what it does not know */
export function readArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parsed(args);
  const unknown = positionals.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new StartError(`There is no part ${unknown}; there are ${PARTS.join(', ')}.`);
  return {
    parts: new Set(positionals.length > 0 ? positionals : USUAL),
    ...(values['port-base'] === undefined ? {} : { portBase: count('--port-base', values['port-base']) }),
    events: values.events.split(',').map((text) => count('--events', text)),
    synthetic: count('--synthetic', values.synthetic),
    claimsMax: count('--claims', values.claims),
    rounds: count('--rounds', values.rounds),
    folder: values.data ?? null,
    seconds: count('--seconds', values.seconds),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'port-base': { type: 'string' },
        events: { type: 'string', default: '1000000,10000000' },
        synthetic: { type: 'string', default: '100000000' },
        claims: { type: 'string', default: '100000000' },
        rounds: { type: 'string', default: '3' },
        data: { type: 'string' },
        seconds: { type: 'string', default: '600' },
      },
    });
  } catch (error) {
    throw new StartError((error as Error).message, { cause: error });
  }
}

function count(name: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new StartError(`${name} takes a whole number, not ${text}.`);
}
