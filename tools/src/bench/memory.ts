import { setTimeout as sleep } from 'node:timers/promises';
import { memoryKib, runningProcesses } from '../start/running';
import { load } from './load';
import { type BenchOptions, withMillrace } from './with-millrace';

export interface MemorySample {
  readonly seconds: number;
  /** Resident memory by process, MiB; Postgres's is that of its main process, whose children share most of theirs. */
  readonly rssMib: Readonly<Record<string, number>>;
}

const SAMPLE_MS = 15_000;

/** Resident memory of every process, over a long load at one rate (0: as fast as is accepted). Linux only. */
export async function memory(
  settings: { readonly seconds: number; readonly rate: number },
  options: BenchOptions,
  onSample: (sample: MemorySample) => void,
): Promise<{ acknowledged: number; samples: MemorySample[] }> {
  return withMillrace(async ({ gateway, dataDir }) => {
    const samples: MemorySample[] = [];
    const began = performance.now();
    let loading = true;
    const sampling = (async () => {
      while (loading) {
        const sample = { seconds: (performance.now() - began) / 1_000, rssMib: readRss(dataDir) };
        samples.push(sample);
        onSample(sample);
        for (let waited = 0; waited < SAMPLE_MS && loading; waited += 250) await sleep(250);
      }
    })();
    const { acknowledged } = await load('m', { origin: gateway, ...settings, perRequest: 100, connections: 16 });
    loading = false;
    await sampling;
    return { acknowledged, samples };
  }, options);
}

const readRss = (dataDir: string): Record<string, number> =>
  Object.fromEntries(
    runningProcesses(dataDir).map(({ name, pid }) => [name, Math.round(memoryKib(pid, 'VmRSS') / 1_024)]),
  );

/**
 * How much a process grew: the median of the last third of the samples over that of the second. The first third is left
 * out, for heaps and caches fill then.
 */
export function growthOf(samples: readonly MemorySample[], name: string): number {
  const third = Math.floor(samples.length / 3);
  const median = (some: readonly MemorySample[]): number =>
    some.map(({ rssMib }) => rssMib[name]).sort((a, b) => a - b)[Math.floor(some.length / 2)];
  return median(samples.slice(2 * third)) / median(samples.slice(third, 2 * third));
}
