import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { StorageError } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type Duck, openDuck } from '../duckdb';
import { DELTA_READERS, deltaReaders, type DeltaReaders, differences } from '../testing';
import { READ_OTHERWISE, REFUSED } from './waivers';
import { DeltaTable } from '.';

jest.setTimeout(120_000);

const workspace = path.resolve(__dirname, '../../../..');
const root = path.join(process.env.MILLRACE_CORPORA ?? path.resolve(workspace, '../shared/corpora'), 'delta');

if (!existsSync(root)) {
  process.stderr.write(`foreign Delta tables are not tested: there is no ${root}\n`);
  describe('foreign tables', () => {
    it('are absent here', () => expect(existsSync(root)).toBe(false));
  });
} else {
  describe('foreign tables', () => {
    let duck: Duck;
    let readers: DeltaReaders | null;
    const storage = createFilesystemStorage({ root });
    beforeAll(async () => {
      duck = await openDuck();
      readers = await deltaReaders();
    });
    afterAll(async () => {
      await readers?.close();
      await duck.close();
    });
    const open = (table: string): Promise<DeltaTable> => DeltaTable.open(storage, table, { duck });

    it.each(tablesBelow('').map((table) => [path.basename(table), table]))('%s', async (name, table) => {
      if (REFUSED[name]) {
        await expect(open(table)).rejects.toMatchObject({
          name: 'UnsupportedTable',
          feature: expect.stringMatching(REFUSED[name]),
        });
        return;
      }
      const ours = await open(table);
      let sql: string;
      try {
        sql = await ours.scanSql();
      } catch (error) {
        // Some tables of the corpora are logs without data: then the logs are compared.
        expect(error).toBeInstanceOf(StorageError);
        expect(error).toMatchObject({ code: 'STORAGE_NOT_FOUND' });
        await compareLogs(ours, table);
        return;
      }
      const [count] = await duck.query(`SELECT count(*) AS n FROM (${sql})`);
      if (ours.snapshot.rows !== null) expect(count.n).toBe(ours.snapshot.rows);
      if (READ_OTHERWISE[name]) return;
      await compareRows(sql, table);
    });

    async function compareLogs(ours: DeltaTable, table: string): Promise<void> {
      const theirs = await readers?.describe(path.join(root, table));
      if (!theirs) return;
      const { version, snapshot } = ours;
      expect({
        version,
        files: snapshot.files.size,
        columns: snapshot.fields.map((f) => f.name),
        partitionColumns: snapshot.partitionColumns,
      }).toEqual({
        version: theirs.version,
        files: theirs.files,
        columns: theirs.columns,
        partitionColumns: theirs.partitionColumns,
      });
    }

    /** Of the readers one at least must be able to read what we read, and all that are must agree. */
    async function compareRows(sql: string, table: string): Promise<void> {
      if (!readers) return;
      let able = 0;
      for (const reader of DELTA_READERS) {
        const parquet = await readers.read(reader, path.join(root, table)).catch((error: Error) => {
          expect(error.message).toMatch(/DeltaProtocolError/);
          return null;
        });
        if (!parquet) continue;
        able++;
        const found = await differences(duck, sql, parquet);
        expect({ reader, ...found }).toEqual({
          reader,
          rows: found.rows,
          onlyOurs: 0,
          onlyTheirs: 0,
          otherColumns: [],
        });
      }
      expect(able).toBeGreaterThan(0);
    }
  });
}

function tablesBelow(folder: string): string[] {
  const at = path.join(root, folder);
  if (existsSync(path.join(at, '_delta_log'))) return [folder];
  return readdirSync(at, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => tablesBelow(path.join(folder, entry.name)));
}
