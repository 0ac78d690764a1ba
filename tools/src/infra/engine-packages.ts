import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Checkers that are no dependency of the product; kept between runs. */
const HOME = path.join(os.tmpdir(), 'millrace-engines');
const INSTALL_MS_MAX = 300_000;

/** A folder whose `node_modules` has these packages of exactly these versions. Throws when they cannot be had. */
export const npmPackages = (...packages: readonly string[]): string =>
  kept('npm', packages, (folder) => {
    fs.writeFileSync(path.join(folder, 'package.json'), '{"private": true}');
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...packages]);
  });

/** A virtual environment with these packages. Throws when they cannot be had. */
export const pythonPackages = (...packages: readonly string[]): string =>
  kept('python', packages, (folder) => {
    run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--prefer-binary'];
    run(path.join(folder, 'bin', 'python'), [...pip, ...packages]);
  });

/**
 * What `get` returns, or null with a printed reason where it cannot be had on a laptop; in CI that is a failure.
 */
export function orNull<T>(what: string, get: () => T): T | null {
  try {
    return get();
  } catch (error) {
    if (process.env['CI']) throw error;
    process.stderr.write(`${what} is not at hand (${(error as Error).message.split('\n')[0]}): not asked\n`);
    return null;
  }
}

/** Made once; engine tests run one after another, so nobody meets a half-made folder. */
function kept(kind: string, packages: readonly string[], make: (folder: string) => void): string {
  const hash = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 12);
  const folder = path.join(HOME, `${kind}-${hash}`);
  const done = path.join(folder, '.done');
  if (fs.existsSync(done)) return folder;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  make(folder);
  fs.writeFileSync(done, packages.join('\n'));
  return folder;
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_MS_MAX });
}
