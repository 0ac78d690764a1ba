import { bannedCalls, callsOf } from './calls';
import { deadFiles, importsOfApps } from './imports';
import { EMPTY_NAMES, HASTY_REMOVAL, linesMatching, longFiles, MACHINES, PROMISES, SWITCHED_OFF } from './text';
import type { Project, SourceFile } from './workspace';

const PROJECTS: readonly Project[] = [
  { dir: 'libs/envelope', name: '@millrace/envelope', tags: ['type:core'] },
  { dir: 'libs/storage', name: '@millrace/storage', tags: ['type:port'] },
  { dir: 'libs/service', name: '@millrace/service', tags: ['type:platform'] },
  { dir: 'apps/one', name: '@millrace/one', tags: ['type:app'] },
  { dir: 'apps/two', name: '@millrace/two', tags: ['type:app'] },
  { dir: 'tools', name: '@millrace/tools', tags: ['type:tool'] },
];
const file = (name: string, text: string): SourceFile => ({ file: name, text });

describe('banned calls', () => {
  it.each([
    ['Date.now', 'const a = Date.now();'],
    ['Date.now', 'const clock = { now: Date.now };'],
    ['new Date()', 'const a = new Date();'],
    ['Math.random', 'const a = Math.random();'],
    ['setTimeout', 'setTimeout(() => 1, 5);'],
    ['setInterval', 'globalThis.setInterval(f, 5);'],
    ['randomUUID', "import { randomUUID } from 'node:crypto'; randomUUID();"],
    ['randomUUID', "import crypto from 'node:crypto'; crypto.randomUUID();"],
    ['fetch', "await fetch('http://x');"],
    ['fs', "import fs from 'node:fs';"],
    ['fs', "import { readFile } from 'fs/promises';"],
  ])('%s is seen in: %s', (call, text) => {
    expect(callsOf(file('a.ts', text)).map((found) => found.call)).toEqual([call]);
  });

  it.each([
    '// Date.now()',
    "const a = 'Date.now()';",
    'new Date(clock.now());',
    'port.fetch(x);',
    "import type { Stats } from 'node:fs';",
    'clock.now();',
  ])('nothing is seen in: %s', (text) => {
    expect(callsOf(file('a.ts', text))).toEqual([]);
  });

  it('are allowed in adapters and shells only', () => {
    const places = [
      'libs/envelope/src/a.ts',
      'libs/storage/src/port.ts',
      'libs/storage/src/filesystem/a.ts',
      'libs/service/src/a.ts',
      'apps/one/src/main.ts',
      'apps/one/src/capture/capture.ts',
      'apps/one/src/capture/capture.controller.ts',
    ];
    expect(
      bannedCalls(
        places.map((place) => file(place, 'Date.now();')),
        PROJECTS,
      ).map((found) => found.file),
    ).toEqual(['libs/envelope/src/a.ts', 'libs/storage/src/port.ts', 'apps/one/src/capture/capture.ts']);
  });
});

describe('imports of apps', () => {
  it.each([
    ['apps/one/src/a.ts', "import { b } from '@millrace/two';", 1],
    ['apps/one/src/a.ts', "export * from '../../two/src/b';", 1],
    ['libs/storage/src/a.ts', "const b = await import('@millrace/one/x');", 1],
    ['apps/one/src/a.ts', "import { b } from './b'; import { c } from '@millrace/envelope';", 0],
    ['tools/src/a.ts', "import { b } from '@millrace/two/simulation';", 0],
    ['tools/src/a.ts', "import { b } from '@millrace/two/simulation/inner';", 1],
    ['apps/one/src/a.ts', "import { b } from '@millrace/two/simulation';", 1],
  ])('%s: %s', (name, text, count) => {
    expect(importsOfApps([file(name, text)], PROJECTS)).toHaveLength(count);
  });
});

it('a file that nothing imports is dead, unless it is an entry or named as a file', () => {
  const files = [
    file('libs/a/src/index.ts', "export * from './used';"),
    file('libs/a/src/used.ts', "const worker = path.join(__dirname, 'worker.js');"),
    file('libs/a/src/worker.ts', ''),
    file('libs/a/src/unused.ts', ''),
    file('libs/a/src/used.spec.ts', ''),
  ];
  expect(deadFiles(files)).toEqual(['libs/a/src/unused.ts']);
  expect(deadFiles(files, [file('package.json', '{"scripts": {"x": "node dist/unused.js --fast"}}')])).toEqual([]);
});

describe('text', () => {
  const found = (pattern: RegExp, text: string): number => linesMatching([file('a.ts', text)], pattern).length;

  it('promises are seen', () => {
    for (const text of [
      ['// TO', 'DO: later'],
      ['FIX', 'ME'],
      ['throw new Error("not ', 'implemented")'],
    ])
      expect(found(PROMISES, text.join(''))).toBe(1);
    expect(found(PROMISES, 'todos are tasks; hackney carriage')).toBe(0);
  });

  it('tests that do not run are seen', () => {
    for (const text of [
      ['it.', 'skip("x")'],
      ['describe.', 'only("x")'],
      ['  x', 'it("x")'],
      ['  // ', 'it("x", () => {'],
      ['test.', 'todo("x")'],
    ]) {
      expect(found(SWITCHED_OFF, text.join(''))).toBe(1);
    }
    expect(found(SWITCHED_OFF, "it('skips', () => exit(1));")).toBe(0);
  });

  it('hasty removals are seen', () => {
    for (const text of ['rmSync(dir, { recursive: true, force: true })', 'await rm(dir, { recursive: true });'])
      expect(found(HASTY_REMOVAL, text)).toBe(1);
    expect(found(HASTY_REMOVAL, 'await rm(dir, { recursive: true, maxRetries: 10 });')).toBe(0);
    expect(found(HASTY_REMOVAL, 'rmSync(file);')).toBe(0);
  });

  it('machines are seen', () => {
    for (const text of [
      ["'/wo", "rk/main'"],
      ['dir=/ho', 'me/jane/x'],
      ['https://registry.', 'npmjs.org/x'],
    ])
      expect(found(MACHINES, text.join(''))).toBe(1);
    expect(found(MACHINES, 'WORKDIR /home/node/app')).toBe(0);
    expect(found(MACHINES, 'GET /v1/work/items; see docs/work/x')).toBe(0);
  });

  it('long files and empty names are seen', () => {
    expect(longFiles([file('a.ts', 'x\n'.repeat(300)), file('b.ts', 'x\n'.repeat(301))], 300)).toEqual([
      { file: 'b.ts', lines: 301 },
    ]);
    expect(
      ['src/utils.ts', 'src/common/a.ts', 'src/a.helper.ts', 'src/commonality.ts'].filter((name) =>
        EMPTY_NAMES.test(name),
      ),
    ).toEqual(['src/utils.ts', 'src/common/a.ts']);
  });
});
