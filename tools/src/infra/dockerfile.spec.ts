import fs from 'node:fs';
import path from 'node:path';
import { WORKSPACE_ROOT } from '../start/services';
import { textFiles } from '../tidy/workspace';
import { fill, ignoredBy, parseDockerfile, parsePairs, stagesOf } from './dockerfile';

const read = (file: string): string => fs.readFileSync(path.join(WORKSPACE_ROOT, file), 'utf8');

describe('reading a Dockerfile', () => {
  it('joins continued lines, drops comments and takes flags apart', () => {
    expect(
      parseDockerfile('# x\nFROM a AS b\nRUN one \\\n  # between\n  && two\nCOPY --from=b --chmod=644 x y\n'),
    ).toEqual([
      { name: 'FROM', flags: {}, value: 'a AS b', line: 2 },
      { name: 'RUN', flags: {}, value: 'one   && two', line: 3 },
      { name: 'COPY', flags: { from: 'b', chmod: '644' }, value: 'x y', line: 6 },
    ]);
    expect(() => parseDockerfile('FROM a\nRUM x')).toThrow('line 2: RUM x is no instruction');
  });

  it('fills in arguments, and does not go on without one', () => {
    const instructions = parseDockerfile('ARG N=20\nFROM node:${N} AS one\nWORKDIR /x\nFROM one\nUSER $N\n');
    expect(stagesOf(instructions).map(({ name, from }) => [name, from])).toEqual([
      ['one', 'node:20'],
      ['1', 'one'],
    ]);
    expect(stagesOf(instructions, { N: '24' })[0]?.from).toBe('node:24');
    expect(() => fill('/a/${APP}', {})).toThrow('APP has no value');
    expect(parsePairs('A=1 B="two words"')).toEqual({ A: '1', B: 'two words' });
  });

  it.each([
    ['.git', '.git/config', true],
    ['.git', 'libs/.git/config', false],
    ['**/dist', 'dist/a.js', true],
    ['**/dist', 'libs/a/dist/b/c.js', true],
    ['**/dist', 'libs/distance.ts', false],
    ['**/*.log', 'a/b.log', true],
    ['*.log', 'a/b.log', false],
    ['docs\n!docs/keep.md', 'docs/keep.md', false],
    ['**/.env*', 'apps/a/.env.local', true],
  ])('.dockerignore %j on %s', (text, file, ignored) => {
    expect(ignoredBy(text)(file)).toBe(ignored);
  });
});

describe('infra/docker/Dockerfile', () => {
  const instructions = parseDockerfile(read('infra/docker/Dockerfile'));
  const ignored = ignoredBy(read('.dockerignore'));
  const stages = stagesOf(instructions, { APP: 'apps/x' });
  const last = stages[stages.length - 1];
  const of = (name: string) => last?.instructions.filter((each) => each.name === name) ?? [];

  it('copies what is there and is not ignored', () => {
    const sources = stages.flatMap(({ instructions: all }) =>
      all
        .filter(({ name, flags }) => name === 'COPY' && !flags['from'])
        .flatMap(({ value }) => value.split(/\s+/).slice(0, -1)),
    );
    expect(sources).toEqual(expect.arrayContaining(['package-lock.json', 'apps', 'libs', 'tools']));
    expect(sources.filter((source) => !fs.existsSync(path.join(WORKSPACE_ROOT, source)) || ignored(source))).toEqual(
      [],
    );
    const stageNames = new Set(stages.map(({ name }) => name));
    expect(instructions.filter(({ flags }) => flags['from'] && !stageNames.has(flags['from']))).toEqual([]);
  });

  it('keeps what is neither code nor generated, and leaves out what may be private', () => {
    const needed = textFiles()
      .map(({ file }) => file)
      .filter((file) => /^(apps|libs)\/.*\.(sql|yaml|prisma|json)$/.test(file));
    for (const kind of ['migration.sql', '.odcs.yaml', 'schema.prisma', 'package.json'])
      expect(needed.filter((file) => file.endsWith(kind)).length).toBeGreaterThan(0);
    expect(needed.filter(ignored)).toEqual([]);
    expect(
      ['.millrace/secrets.json', 'apps/ingest-gateway/.env', '.git/config', 'node_modules/a'].filter(
        (file) => !ignored(file),
      ),
    ).toEqual([]);
  });

  it('ends in an image without a shell, not as root, with the code belonging to root', () => {
    expect(last?.from).toMatch(/^gcr\.io\/distroless\/nodejs\d+-debian12:nonroot$/);
    expect(of('USER').map(({ value }) => value)).toEqual(['65532:65532']);
    expect(of('COPY').filter(({ flags }) => flags['chown'])).toEqual([]);
    expect(of('RUN')).toEqual([]);
  });

  it('builds and runs on one major version of Node, new enough', () => {
    const majors = stages.map(({ from }) => Number(/node(?:js|:)(\d+)/.exec(from)?.[1]));
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(new Set(majors).size).toBe(1);
    expect(majors[0]).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]));
  });

  it('holds no secrets', () => {
    const named = instructions
      .filter(({ name }) => name === 'ENV' || name === 'ARG')
      .flatMap(({ value }) => value.match(/\w+(?==|$)/g) ?? []);
    expect(named.filter((name) => /PASS|SECRET|TOKEN|KEY|CREDENTIAL/i.test(name))).toEqual([]);
  });
});
