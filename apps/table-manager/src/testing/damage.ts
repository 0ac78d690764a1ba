import { readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tableRoot } from '@millrace/topics';
import type { TableManager } from '../run/table-manager';
import type { Rig } from './rig';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');

/**
 * Damages the files of a day of a table as its newest version has them, as a failing disk may; resolves with what mends
 * them.
 */
export async function damageFile(
  rig: Pick<Rig, 'lake' | 'catalog'>,
  manager: Pick<TableManager, 'tables'>,
  table: string,
  day: string,
): Promise<() => Promise<void>> {
  const at = await manager.tables.at(table, (await rig.catalog())?.tables[table].version ?? -1);
  const files = [...(at?.snapshot.files.values() ?? [])].filter(({ partitionValues }) =>
    Object.values(partitionValues).includes(day),
  );
  if (files.length === 0) throw new Error(`${table} has no file of ${day}`);
  const whole = await Promise.all(
    files.map(async ({ path: name }) => {
      const place = path.join(rig.lake.folder, tableRoot(table), decodeURIComponent(name));
      return { place, bytes: await readFile(place) };
    }),
  );
  for (const { place, bytes } of whole) {
    await writeFile(place, Buffer.alloc(bytes.length, 7));
    // DuckDB keeps what it has read of a file for as long as its time is the same, which may be the same second.
    await utimes(place, LONG_AGO, LONG_AGO);
  }
  return async () => {
    for (const { place, bytes } of whole) await writeFile(place, bytes);
  };
}
