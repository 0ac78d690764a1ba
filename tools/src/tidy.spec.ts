import fs from 'node:fs';
import path from 'node:path';
import { WORKSPACE_ROOT } from './start/services';
import { bannedCalls, REPLACEMENTS } from './tidy/calls';
import { deadFiles, importsOfApps } from './tidy/imports';
import { EMPTY_NAMES, HASTY_REMOVAL, linesMatching, longFiles, MACHINES, PROMISES, SWITCHED_OFF } from './tidy/text';
import { isSpec, isTypeScript, projectOf, projects, textFiles } from './tidy/workspace';
import { CALL_WAIVERS, DEAD_FILE_WAIVERS, MACHINE_WAIVERS, SIZE_WAIVERS } from './waivers';

const LINES_MAX = 300;
const all = textFiles();
const known = projects();
const source = all.filter((file) => isTypeScript(file) && projectOf(file.file, known));
const product = source.filter((file) => !isSpec(file));

/** Asserts that nothing was found; each finding is a line of the failure. */
const expectNone = (found: readonly string[]): void => expect(found).toEqual([]);
const at = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`;

it('sees the workspace', () => {
  expect(known.map(({ dir }) => dir)).toEqual(
    expect.arrayContaining(['apps/ingest-gateway', 'libs/envelope', 'tools']),
  );
  expect(product.length).toBeGreaterThan(50);
});

describe('layers', () => {
  it('every project has one tag, of a layer with a rule', () => {
    const rules = fs.readFileSync(path.join(WORKSPACE_ROOT, 'eslint.config.mjs'), 'utf8');
    const byFolder: Record<string, string[]> = {
      apps: ['type:app'],
      tools: ['type:tool'],
      libs: ['type:core', 'type:platform', 'type:port'],
    };
    expectNone(
      known
        .filter(
          ({ dir, tags }) =>
            tags.length !== 1 ||
            !byFolder[dir.split('/')[0] as string]?.includes(tags[0] as string) ||
            !rules.includes(`sourceTag: '${tags[0]}'`),
        )
        .map(({ dir, tags }) => `${dir} has the tags ${JSON.stringify(tags)}`),
    );
    expect(rules).not.toMatch(/onlyDependOnLibsWithTags: \[[^\]]*'\*'/);
  });

  it('every project is named after its folder', () => {
    expectNone(
      known
        .filter(({ dir, name }) => name !== `@millrace/${path.basename(dir)}`)
        .map(({ dir, name }) => `${dir} is named ${name}`),
    );
  });

  it('no project imports an app', () => {
    expectNone(importsOfApps(source, known).map((found) => `${at(found)} imports ${found.specifier}`));
  });

  it('time, chance, network and disk are reached through adapters and shells', () => {
    const found = bannedCalls(product, known);
    const waived = (file: string, call: string): boolean =>
      CALL_WAIVERS.some((waiver) => waiver.file === file && waiver.call === call);
    expectNone(
      found
        .filter(({ file, call }) => !waived(file, call))
        .map(({ file, line, call }) => `${file}:${line} ${call}: use ${REPLACEMENTS[call]}`),
    );
    expectNone(
      CALL_WAIVERS.filter(
        (waiver) => !found.some(({ file, call }) => waiver.file === file && waiver.call === call),
      ).map(({ file, call }) => `the waiver of ${call} in ${file} is not needed`),
    );
  });
});

describe('files', () => {
  it(`have at most ${LINES_MAX} lines`, () => {
    const found = longFiles(product, LINES_MAX);
    expectNone(
      found
        .filter(({ file }) => !SIZE_WAIVERS[file])
        .map(({ file, lines }) => `${file} has ${lines} lines: look for the seam`),
    );
    expectNone(unneeded(SIZE_WAIVERS, found));
  });

  it('are all used', () => {
    const scripts = all.filter(({ file }) => /\.(json|cjs|mjs)$/.test(file) && !file.endsWith('package-lock.json'));
    const found = deadFiles(source, scripts);
    expectNone(found.filter((file) => !DEAD_FILE_WAIVERS[file]).map((file) => `nothing imports ${file}`));
    expectNone(
      unneeded(
        DEAD_FILE_WAIVERS,
        found.map((file) => ({ file })),
      ),
    );
  });

  it('have names that say what is in them', () => {
    expectNone(source.map(({ file }) => file).filter((file) => EMPTY_NAMES.test(file)));
  });

  it('name no folder of one machine and no registry', () => {
    const found = linesMatching(all, MACHINES);
    expectNone(found.filter(({ file }) => !MACHINE_WAIVERS[file]).map((line) => `${at(line)} ${line.text}`));
    expectNone(unneeded(MACHINE_WAIVERS, found));
  });

  it('hold no promises', () => {
    expectNone(
      linesMatching(
        all.filter(({ file }) => !file.endsWith('package-lock.json')),
        PROMISES,
      ).map((line) => `${at(line)} ${line.text}`),
    );
  });
});

it('every test runs', () => {
  expectNone(linesMatching(source.filter(isSpec), SWITCHED_OFF).map((line) => `${at(line)} ${line.text}`));
});

it('tests over real processes take their folders away patiently', () => {
  const specs = source.filter(({ file }) => file.endsWith('.int.spec.ts'));
  expectNone(linesMatching(specs, HASTY_REMOVAL).map((line) => `${at(line)} ${line.text}: rm(…, { maxRetries })`));
});

const unneeded = (waivers: Readonly<Record<string, string>>, found: readonly { file: string }[]): string[] =>
  Object.keys(waivers)
    .filter((file) => !found.some((each) => each.file === file))
    .map((file) => `the waiver of ${file} is not needed`);
