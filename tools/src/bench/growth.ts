import { rmSync } from 'node:fs';
import { load } from './load';
import { type Probe, probe } from './probe';
import { addRows } from './made-rows';
import { addCatalogs, addFiles } from './synthetic-history';
import { committedEvents, freshFolder, waitFor, withMillrace } from './with-millrace';

export interface GrowthSettings {
  readonly portBase?: number;
  /** Events really loaded before each probe, in all. */
  readonly loaded: readonly number[];
  /** Events that the last probe's history stands for; 0 for no such probe. */
  readonly synthetic: number;
  /** Claims that are really there for them, at most: each takes some 130 bytes of disk, and as many while it is made. */
  readonly claimsMax: number;
}

export interface GrowthStep {
  readonly history: string;
  readonly probe: Probe;
}

/** Rows of a file as compaction leaves them behind, in a history of many days. */
const ROWS_PER_FILE = 20_000;
/** An hour of a commit or a rebuild every quarter of a second. */
const CATALOGS = 14_400;

/**
 * The same small piece of work on ever longer histories that it does not touch. The last history is a made one: a
 * Delta log whose commits name as many files as such a history has, catalog files, and rows in the databases.
 */
export async function* growth(settings: GrowthSettings): AsyncGenerator<GrowthStep> {
  const dataDir = freshFolder();
  const { portBase } = settings;
  const month = (n: number): string => `2014-${String(n).padStart(2, '0')}`;
  try {
    let probes = 0;
    let events = 0;
    for (const wanted of settings.loaded) {
      const measured = await withMillrace(
        async (bench) => {
          const before = await committedEvents(bench.origin);
          const loading = { rate: 0, events: wanted - events, perRequest: 500, connections: 8 };
          const { acknowledged } = await load(`g${events}`, { origin: bench.gateway, seconds: 3_600, ...loading });
          await waitFor(async () => (await committedEvents(bench.origin)) >= before + acknowledged, 1_800_000);
          return probe(bench, month(++probes));
        },
        { dataDir, portBase },
      );
      events = wanted;
      yield { history: `${wanted.toLocaleString('en-US')} loaded`, probe: measured };
    }
    if (settings.synthetic === 0) return;
    const files = Math.ceil(settings.synthetic / ROWS_PER_FILE);
    const claims = Math.min(settings.synthetic, settings.claimsMax);
    const began = performance.now();
    await addFiles(dataDir, files, ROWS_PER_FILE);
    addCatalogs(dataDir, CATALOGS);
    await addRows(dataDir, { events: settings.synthetic, claims });
    const minutes = (performance.now() - began) / 60_000;
    const measured = await withMillrace((bench) => probe(bench, month(++probes)), { dataDir, portBase });
    const made = `${files.toLocaleString('en-US')} files a table, ${claims.toLocaleString('en-US')} claims, in ${minutes.toFixed(1)} min`;
    yield { history: `${settings.synthetic.toLocaleString('en-US')} made (${made})`, probe: measured };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
