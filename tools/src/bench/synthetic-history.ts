import fs from 'node:fs';
import path from 'node:path';
import { CATALOG_PREFIX, type Catalog, catalogPath } from '@millrace/topics';
import { openDataFolder } from '../start/data-folder';

/** Days that the made history is spread over, before all that is loaded. */
const DAYS = 365;
const FIRST_DAY_MS = Date.UTC(2012, 0, 1);
const DAY_MS = 86_400_000;
/** Beyond what compaction aims at (TABLES_FILE_BYTES_TARGET). */
const COMPACTED_BYTES = 1 << 30;
const ADDS_PER_COMMIT = 50;
const TABLES = ['clean/events', 'clean/shipment_events', 'curated/shipments_daily', 'curated/on_time_performance'];

interface Add {
  path: string;
  partitionValues: Record<string, string>;
  stats: string;
  tags?: Record<string, string>;
  [member: string]: unknown;
}

/**
 * Appends commits to the Delta logs of a Millrace that does not run: they name files of earlier days, which are links
 * to one real file of the table, with the statistics of their day. Marts get one file a day.
 */
export async function addFiles(dataDir: string, files: number, rowsPerFile: number): Promise<void> {
  for (const table of TABLES) {
    const root = path.join(openDataFolder(dataDir).lake, table);
    const log = path.join(root, '_delta_log');
    const commits = fs.readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
    const { add, version } = newestAdd(log, commits.sort());
    const many = table.startsWith('curated/') ? DAYS : files;
    for (let i = 0, at = version + 1; i < many; at++) {
      const lines: string[] = [];
      for (let n = 0; n < ADDS_PER_COMMIT && i < many; n++, i++)
        lines.push(JSON.stringify({ add: linked(root, add, i, rowsPerFile) }));
      const info = { timestamp: FIRST_DAY_MS, operation: 'WRITE', operationParameters: { mode: 'Append' } };
      const text = [JSON.stringify({ commitInfo: info }), ...lines].join('\n');
      fs.writeFileSync(path.join(log, `${String(at).padStart(20, '0')}.json`), `${text}\n`, { flag: 'wx' });
    }
  }
}

function newestAdd(log: string, commits: readonly string[]): { add: Add; version: number } {
  for (const name of [...commits].reverse()) {
    for (const line of fs.readFileSync(path.join(log, name), 'utf8').split('\n')) {
      const action = line === '' ? null : (JSON.parse(line) as { add?: Add });
      if (action?.add) return { add: action.add, version: Number((commits.at(-1) as string).slice(0, 20)) };
    }
  }
  throw new Error(`${log} names no file`);
}

function linked(root: string, like: Add, nth: number, rows: number): Add {
  const day = new Date(FIRST_DAY_MS + (nth % DAYS) * DAY_MS).toISOString().slice(0, 10);
  const [column] = Object.keys(like.partitionValues);
  const made = `${column}=${day}/part-made-${nth}.parquet`;
  fs.mkdirSync(path.join(root, `${column}=${day}`), { recursive: true });
  fs.linkSync(path.join(root, decodeURIComponent(like.path)), path.join(root, made));
  const stats = like.stats
    .replaceAll(/"\d{4}-\d\d-\d\d(?=["T])/g, `"${day}`)
    .replace(/"numRecords":\d+/, `"numRecords":${rows}`);
  // As large as compaction makes them: else it would be at work on them beside what is measured.
  const size = COMPACTED_BYTES;
  return { ...like, path: made, partitionValues: { [column]: day }, stats, size, modificationTime: FIRST_DAY_MS };
}

/**
 * Appends catalog files, each a copy of the newest under the next number: as many as an hour of commits and rebuilds
 * leaves behind before older ones are deleted.
 */
export function addCatalogs(dataDir: string, count: number): void {
  const { lake } = openDataFolder(dataDir);
  const names = fs.readdirSync(path.join(lake, CATALOG_PREFIX)).filter((name) => /^\d{20}\.json$/.test(name));
  const newest = names.sort().at(-1);
  if (newest === undefined) throw new Error(`${lake} has no catalog`);
  const catalog = JSON.parse(fs.readFileSync(path.join(lake, CATALOG_PREFIX, newest), 'utf8')) as Catalog;
  for (let version = catalog.version + 1; version <= catalog.version + count; version++)
    fs.writeFileSync(path.join(lake, catalogPath(version)), JSON.stringify({ ...catalog, version }), { flag: 'wx' });
}
