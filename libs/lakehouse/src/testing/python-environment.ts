import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Pinned: what these versions read is what the tests state. */
const PACKAGES = ['deltalake==1.6.6', 'polars==2.1.0', 'pyarrow==26.0.1'];
const INSTALL_TIMEOUT_MS = 240_000;

let made: Promise<string> | null = null;

/**
 * The Python of a virtual environment that has the packages, made at first use in `node_modules/.cache`. Rejects with
 * the reason when there is no Python or no package index.
 */
export const pythonEnvironment = (): Promise<string> => (made ??= make());

async function make(): Promise<string> {
  const home = path.join(cacheFolder(), 'millrace-venv');
  const python = path.join(home, 'bin', 'python');
  const stamp = path.join(home, `.${PACKAGES.join('_')}`);
  if (existsSync(stamp)) return python;

  // Built aside and renamed, so that test processes that come at once do not meet a half-made one.
  const aside = `${home}.${process.pid}`;
  try {
    await mkdir(path.dirname(home), { recursive: true });
    await run('python3', ['-m', 'venv', aside]);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--only-binary',
      ':all:',
      ...PACKAGES,
    ];
    await run(path.join(aside, 'bin', 'python'), pip, { timeout: INSTALL_TIMEOUT_MS });
    await writeFile(path.join(aside, path.basename(stamp)), '');
    await rm(home, { recursive: true, force: true });
    await rename(aside, home).catch((error: unknown) => {
      if (!existsSync(stamp)) throw error;
    });
    return python;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** `node_modules/.cache` of the workspace. */
function cacheFolder(): string {
  for (let at = __dirname; at !== path.dirname(at); at = path.dirname(at)) {
    if (existsSync(path.join(at, 'node_modules', '@duckdb'))) return path.join(at, 'node_modules', '.cache');
  }
  throw new Error('no node_modules above this file');
}
