import fs from 'node:fs';
import { freshFolder, withMillrace } from './with-millrace';
import { histories, type HistorySettings } from './histories';
import { percentile } from './percentile';
import { type Probe, probe } from './probe';

export interface GrowthSettings extends HistorySettings {
  /** How often each history is probed, in turns. */
  readonly rounds: number;
  /** Where histories are kept for later runs; null for a folder that is removed. */
  readonly folder: string | null;
}

export interface GrowthReport {
  /** Names of the histories; the first is what the others are compared with. */
  readonly histories: readonly string[];
  readonly lines: readonly GrowthLine[];
}

export interface GrowthLine {
  readonly measure: string;
  /** Of each history: the median of its rounds. */
  readonly medians: readonly number[];
  /** Of each history but the first: the median and the range of the rounds' ratios to the first one. */
  readonly ratios: readonly { readonly median: number; readonly min: number; readonly max: number }[];
}

/** A month that nobody has, in every round another one, for work that is the same in all of them. */
const month = (round: number): string => `2014-${String(1 + (round % 12)).padStart(2, '0')}`;

/**
 * The same small piece of work on ever longer histories that it does not touch, in turns: what one round measures of two
 * histories is compared, for the machine may be another in the next.
 */
export async function growth(settings: GrowthSettings, tell: (line: string) => void): Promise<GrowthReport> {
  const folder = settings.folder ?? freshFolder();
  fs.mkdirSync(folder, { recursive: true });
  try {
    const all = [];
    for await (const history of histories(folder, settings)) {
      tell(`there is ${history.name}`);
      all.push(history);
    }
    const rounds: Probe[][] = [];
    for (let round = 0; round < settings.rounds; round++) {
      const probes: Probe[] = [];
      for (const { name, dataDir } of all) {
        const options = { dataDir, portBase: settings.portBase };
        probes.push(await withMillrace((bench) => probe(bench, month(round)), options));
        tell(`round ${round + 1}, ${name}: ${JSON.stringify(probes.at(-1))}`);
      }
      rounds.push(probes);
    }
    return compare(
      all.map(({ name }) => name),
      rounds,
    );
  } finally {
    if (settings.folder === null) fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** @param rounds of each round the histories' probes, in the order of their names */
export function compare(names: readonly string[], rounds: readonly (readonly Probe[])[]): GrowthReport {
  const median = (values: readonly number[]): number =>
    percentile(
      values.toSorted((a, b) => a - b),
      0.5,
    );
  return {
    histories: names,
    lines: Object.keys(rounds[0]?.[0] ?? {}).map((measure) => ({
      measure,
      medians: names.map((_, i) => median(rounds.map((probes) => probes[i][measure]))),
      ratios: names.slice(1).map((_, i) => {
        // Nothing of something that there was nothing of before either is as much as before.
        const ratios = rounds.map((probes) => ratio(probes[i + 1][measure], probes[0][measure]));
        return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
      }),
    })),
  };
}

const ratio = (value: number, base: number): number => (value === base ? 1 : value / base);
