import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemRandom } from '@millrace/observability';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import { main } from './main';

let folder: string;
let said: string[];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-rotate-'));
  said = [];
  jest.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
  jest.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

it('rotates the file that is named, or that services are told of, and tells the name of the key and no key', async () => {
  const file = path.join(folder, 'master.json');
  const { by } = await createFileMasterKeys(file, systemRandom).wrap(Buffer.alloc(32), 'a');
  await main(['rotate', '--file', file], {});
  await main(['rotate'], { MASTER_KEY_FILE: file });
  const { current, keys } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
    current: string;
    keys: Record<string, string>;
  };
  expect(Object.keys(keys)).toHaveLength(3);
  expect([Object.keys(keys)[0], said[1]]).toEqual([by, `${current} is the current master key of ${file}`]);
  for (const key of Object.values(keys)) expect(said.join()).not.toContain(key);
  expect(process.exitCode).toBeUndefined();
});

it.each([
  [['rotate']],
  [['destroy', '--file', '/nowhere']],
  [['rotate', '--file', '/nowhere/master.json']],
  [['--what']],
])('%j is refused', async (args) => {
  await main(args, {});
  expect(process.exitCode).toBe(1);
  expect(said).toHaveLength(1);
});
