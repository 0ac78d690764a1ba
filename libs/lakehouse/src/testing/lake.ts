import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { type Duck, openDuck } from '../duckdb';

export interface TestLake {
  /** The storage's root folder. */
  readonly folder: string;
  readonly storage: Storage;
  readonly duck: Duck;
  dispose(): Promise<void>;
}

/** A lake of its own in a temporary folder, with a DuckDB. */
export async function lakeForTests(): Promise<TestLake> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-lake-'));
  const duck = await openDuck({ memoryLimitMb: 512, threads: 2 });
  return {
    folder,
    duck,
    storage: createFilesystemStorage({ root: folder }),
    async dispose(): Promise<void> {
      await duck.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
