import type { SourceFile } from './workspace';

export interface TextFound {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Words are put together here so that this file does not find itself. */
const word = (...parts: string[]): string => parts.join('');

/** Promises left in a file. */
export const PROMISES = new RegExp(
  `\\b(${[word('TO', 'DO'), word('FIX', 'ME'), word('X', 'XX'), word('HA', 'CK'), word('not ', 'implemented')].join('|')})\\b`,
);

/** Tests that do not run. */
export const SWITCHED_OFF = new RegExp(
  `\\b(it|test|describe)\\.(${['skip', 'todo', 'only'].join('|')})\\b|^\\s*(x|f)(it|describe|test)\\(|^\\s*//\\s*(it|test|describe)(\\.\\w+)?\\(`,
);

/**
 * A folder taken away in one go, which fails when something that is still ending writes into it. Node's `rmSync` does
 * not look again for what came meanwhile, whatever its options; `rm` with `maxRetries` does.
 */
export const HASTY_REMOVAL = /\brmSync\(.*recursive: true|\brm\((?!.*maxRetries).*recursive: true/;

const HOSTS = [
  ['registry', 'npmjs', 'org'],
  ['proxy', 'golang', 'org'],
  ['repo1', 'maven', 'org'],
  ['repo1', 'maven', 'apache', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['deb', 'debian', 'org'],
].map((parts) => parts.join('\\.'));
const FOLDERS = [word('wo', 'rk'), word('fa', 'rm'), word('ro', 'ot'), word('ho', 'me'), word('Us', 'ers')];

/** Folders of one machine, and registry hosts: what holds on the writer's machine only. `/home/node` is every node image's. */
export const MACHINES = new RegExp(`(?:^|[\\s'"\`=(:])/(?:${FOLDERS.join('|')})/(?!node\\b)\\w|${HOSTS.join('|')}`);

/** Names that say nothing. */
export const EMPTY_NAMES = /(^|\/)(utils?|helpers?|common|misc)(\.|\/|$)/;

/** Lines of the files that match. */
export function linesMatching(files: readonly SourceFile[], pattern: RegExp): TextFound[] {
  return files.flatMap(({ file, text }) =>
    text
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [{ file, line: i + 1, text: line.trim().slice(0, 160) }] : [])),
  );
}

/** Files longer than `linesMax`, with their number of lines. */
export function longFiles(files: readonly SourceFile[], linesMax: number): { file: string; lines: number }[] {
  return files
    .map(({ file, text }) => ({ file, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > linesMax);
}
