import fs from 'node:fs';
import path from 'node:path';
import { load } from './load';
import { addRows } from './made-rows';
import { addCatalogs, addFiles } from './synthetic-history';
import { committedEvents, waitFor, withMillrace } from './with-millrace';

export interface HistorySettings {
  readonly portBase?: number;
  /** Events really loaded, of each history but the made one; rising. */
  readonly loaded: readonly number[];
  /** Events that the made history stands for; 0 for no such history. */
  readonly synthetic: number;
  /** Claims that are really there for them, at most: each takes some 130 bytes of disk, and as many while it is made. */
  readonly claimsMax: number;
}

/** A data folder with a past. */
export interface History {
  readonly name: string;
  readonly dataDir: string;
}

/** Rows of a file as compaction leaves them behind, in a history of many days. */
const ROWS_PER_FILE = 20_000;
/** An hour of a commit or a rebuild every quarter of a second. */
const CATALOGS = 14_400;
/** Loaded events are of many months, as a history is: each month is over when the next one comes. */
const EVENTS_PER_MONTH = 500_000;
const FIRST_MONTH = Date.UTC(2005, 0, 1);
/** Beside a folder: that it is complete, and what it is called. */
const NOTE = '.history.json';

/**
 * Makes the histories below `folder`, each from a copy of another, or finds those that are there: what takes long need
 * not be done at once. The made one is a Delta log whose commits name as many files as such a history has, catalog
 * files, and rows in the databases.
 */
export async function* histories(folder: string, settings: HistorySettings): AsyncGenerator<History> {
  let previous: { dataDir: string; events: number } | null = null;
  let base: string | null = null;
  for (const events of settings.loaded) {
    const dataDir = path.join(folder, `loaded-${events}`);
    const from: { dataDir: string; events: number } | null = previous;
    yield await prepared(dataDir, async () => {
      if (from) copyFolder(from.dataDir, dataDir);
      await loadMonths(dataDir, from?.events ?? 0, events, settings.portBase);
      return `${events.toLocaleString('en-US')} loaded`;
    });
    previous = { dataDir, events };
    base ??= dataDir;
  }
  if (settings.synthetic === 0 || base === null) return;
  const first = base;
  const dataDir = path.join(folder, `made-${settings.synthetic}`);
  yield await prepared(dataDir, async () => {
    copyFolder(first, dataDir);
    const files = Math.ceil(settings.synthetic / ROWS_PER_FILE);
    const claims = Math.min(settings.synthetic, settings.claimsMax);
    const began = performance.now();
    await addFiles(dataDir, files, ROWS_PER_FILE);
    addCatalogs(dataDir, CATALOGS);
    await addRows(dataDir, { events: settings.synthetic, claims });
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    const what = `${files.toLocaleString('en-US')} files a table, ${claims.toLocaleString('en-US')} claims, in ${minutes} min`;
    return `${settings.synthetic.toLocaleString('en-US')} made (${what})`;
  });
}

async function prepared(dataDir: string, make: () => Promise<string>): Promise<History> {
  const note = `${dataDir}${NOTE}`;
  if (!fs.existsSync(note)) {
    // What an interrupted run has left is of no use.
    fs.rmSync(dataDir, { recursive: true, force: true });
    fs.writeFileSync(note, JSON.stringify({ name: await make() }));
  }
  return { dataDir, name: (JSON.parse(fs.readFileSync(note, 'utf8')) as { name: string }).name };
}

function loadMonths(dataDir: string, from: number, to: number, portBase?: number): Promise<void> {
  return withMillrace(
    async ({ origin, gateway }) => {
      for (let at = from; at < to;) {
        const nth = Math.floor(at / EVENTS_PER_MONTH);
        const events = Math.min(to, (nth + 1) * EVENTS_PER_MONTH) - at;
        const month = new Date(FIRST_MONTH);
        month.setUTCMonth(nth);
        const settings = { seconds: 3_600, rate: 0, events, perRequest: 500, connections: 8 };
        const before = await committedEvents(origin);
        const { acknowledged } = await load(`g${at}`, {
          origin: gateway,
          ...settings,
          month: month.toISOString().slice(0, 7),
        });
        await waitFor(async () => (await committedEvents(origin)) >= before + acknowledged, 1_800_000);
        at += events;
      }
    },
    { dataDir, portBase },
  );
}

/** Objects of a lake are never changed, so their copies are links; all else is copied. */
function copyFolder(from: string, to: string): void {
  const lake = path.join(from, 'lake');
  const copy = (source: string, target: string): void => {
    const { mode, uid, gid } = fs.statSync(source);
    fs.mkdirSync(target, { mode });
    fs.chownSync(target, uid, gid);
    for (const entry of fs.readdirSync(source, { withFileTypes: true })) {
      const [old, made] = [path.join(source, entry.name), path.join(target, entry.name)];
      if (entry.isDirectory()) copy(old, made);
      else if (!entry.isFile()) continue;
      else if (old.startsWith(`${lake}${path.sep}`)) fs.linkSync(old, made);
      else {
        fs.copyFileSync(old, made, fs.constants.COPYFILE_FICLONE);
        fs.chownSync(made, uid, gid);
      }
    }
  };
  copy(from, to);
}
