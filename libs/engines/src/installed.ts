import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What is installed is kept between runs; MILLRACE_ENGINES_DIR moves it. */
const home = (): string => process.env['MILLRACE_ENGINES_DIR'] ?? path.join(os.tmpdir(), 'millrace-engines');
const INSTALL_MS_MAX = 900_000;

/**
 * A folder with what `make` put into it, made once for each `recipe`. Two that make it at once both succeed: each works
 * in a folder of its own, and the first to finish gives it its name.
 *
 * @param recipe everything that the result depends on, such as versions or the text of a build file
 */
export function installed(kind: string, recipe: readonly string[], make: (folder: string) => void): string {
  const hash = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12);
  const folder = path.join(home(), `${kind}-${hash}`);
  if (fs.existsSync(path.join(folder, DONE))) return folder;
  const own = `${folder}.${randomBytes(4).toString('hex')}`;
  fs.mkdirSync(own, { recursive: true });
  try {
    make(own);
    fs.writeFileSync(path.join(own, DONE), recipe.join('\n'));
    fs.renameSync(own, folder);
  } catch (error) {
    fs.rmSync(own, { recursive: true, force: true });
    if (!fs.existsSync(path.join(folder, DONE))) throw error;
  }
  return folder;
}

const DONE = '.done';

/** Runs a program of an installation. @throws Error with the last of what it said */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): void {
  try {
    execFileSync(command, args, {
      ...options,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_MS_MAX,
      maxBuffer: 64 << 20,
    });
  } catch (error) {
    const {
      stdout = '',
      stderr = '',
      message,
    } = error as Error & { stdout?: Buffer | string; stderr?: Buffer | string };
    throw new Error(`${message.split('\n')[0]}\n${`${stdout}${stderr}`.slice(-2_000)}`, { cause: error });
  }
}

/** A folder whose `node_modules` has these packages of exactly these versions. Throws when they cannot be had. */
export const npmPackages = (...packages: readonly string[]): string =>
  installed('npm', packages, (folder) => {
    fs.writeFileSync(path.join(folder, 'package.json'), '{"private": true}');
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...packages]);
  });

/** A virtual environment with these packages. Throws when they cannot be had. */
export const pythonPackages = (...packages: readonly string[]): string =>
  installed('python', packages, (folder) => {
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
    return absent(what, error as Error);
  }
}

/** The same for an engine that is to be started. */
export const startedOrNull = <T>(what: string, start: () => Promise<T>): Promise<T | null> =>
  start().catch((error: Error) => absent(what, error));

function absent(what: string, error: Error): null {
  if (process.env['CI']) throw error;
  process.stderr.write(`${what} is not at hand (${error.message.split('\n')[0]}): not asked\n`);
  return null;
}
