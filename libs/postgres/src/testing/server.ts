import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Embedded, EmbeddedError, type Settings, startEmbedded } from '../embedded';
import { serverEnvironment } from '../embedded/data-directory';
import { present } from '../embedded/presence';

/** Unused for this long, a shared server stops and its folder goes. */
const IDLE_MS_MAX = 120_000;

const SHARED: Settings = {
  max_connections: 300,
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  // Files come and go with every test: nothing here outlives the machine.
  fsync: false,
  full_page_writes: false,
  checkpoint_timeout: '30min',
};

const DURABLE: Settings = { max_connections: 300, shared_buffers: '128MB' };

/** The server that all test processes of this user share, started by whoever comes first. `release` it at the end. */
export async function sharedServer(durable: boolean, idleMsMax = IDLE_MS_MAX, root = os.tmpdir()): Promise<Embedded> {
  const dir = path.join(root, `millrace-test-postgres-${os.userInfo().uid}`, durable ? 'durable' : 'fast');
  mkdirSync(dir, { recursive: true });
  const settings = durable ? DURABLE : SHARED;
  const server = await startEmbedded({ dataDir: dir, settings }).catch((error: unknown) => {
    // Without fsync a power cut may leave data that no longer starts: it holds nothing worth keeping.
    const worthless =
      error instanceof EmbeddedError &&
      ['EMBEDDED_FAILED', 'EMBEDDED_OTHER_VERSION', 'EMBEDDED_WRONG_PASSWORD'].includes(error.code);
    if (!worthless || present(path.join(dir, 'users')).length > 0) throw error;
    rmSync(dir, { recursive: true, force: true });
    return startEmbedded({ dataDir: dir, settings });
  });
  hireJanitor(dir, idleMsMax);
  return server;
}

function hireJanitor(dir: string, idleMsMax: number): void {
  const place = path.join(dir, 'janitor');
  mkdirSync(place, { recursive: true });
  if (present(place).length > 0) return;
  const args = [path.join(__dirname, 'janitor.cjs'), dir, String(idleMsMax)];
  spawn(process.execPath, args, {
    cwd: '/',
    detached: true,
    stdio: 'ignore',
    env: serverEnvironment(),
    windowsHide: true,
  }).unref();
}
