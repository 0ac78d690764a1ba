import path from 'node:path';
import { spawnTypeScript, type TypeScriptChild } from '@millrace/storage/testing';

const MAIN = path.join(__dirname, '../main.ts');

/** The service itself in a process of its own, as it is deployed but for where its files are. */
export function startService(
  databaseUrl: string,
  storageRoot: string,
  env: Readonly<Record<string, string>> = {},
): TypeScriptChild {
  return spawnTypeScript(MAIN, [], {
    env: {
      ...{ PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], PORT: '0' },
      ...{
        DATABASE_URL: databaseUrl,
        STORAGE_ROOT: storageRoot,
        MASTER_KEY_FILE: path.join(storageRoot, '.keys', 'master.json'),
        WORKER_SILENCE_MAX: '2s',
        WORKER_HEARTBEAT_EVERY: '200ms',
        PARTITION_LEASE: '2s',
      },
      ...env,
    },
  });
}
