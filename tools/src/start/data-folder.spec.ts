import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { explainFolderError, openDataFolder, passwordsOf } from './data-folder';

let dir: string;
beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-folder-'))));
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

it('is made with all that is in it', () => {
  const folder = openDataFolder(path.join(dir, 'a', 'b'));
  expect(fs.readdirSync(folder.root).sort()).toEqual(['keys', 'lake', 'logs', 'tmp']);
});

it.each([
  ['EROFS', 'read-only file system'],
  ['EACCES', 'may not be written by this user'],
  ['ENOSPC', 'The disk of /data is full'],
  ['EDQUOT', 'quota'],
  ['EIO', 'cannot be used: why'],
])('%s is a sentence that names the folder and the way out', (code, sentence) => {
  const { message } = explainFolderError('/data', Object.assign(new Error('why'), { code }));
  expect(message).toContain(sentence);
  expect(message).toContain('/data');
});

it('a file in its place is a sentence', () => {
  fs.writeFileSync(path.join(dir, 'file'), '');
  expect(() => openDataFolder(path.join(dir, 'file'))).toThrow('a file of that name exists');
  expect(() => openDataFolder(path.join(dir, 'file', 'x'))).toThrow('a part of the path is a file');
});

// A file system that says ENOENT of every new folder, as some do that are read-only; to a normal user it says EACCES.
it('a place that takes no folders is a sentence', () => {
  if (process.platform !== 'linux') return;
  const sentence = /takes no new folders|may not be written by this user/;
  expect(() => openDataFolder('/proc/millrace')).toThrow(sentence);
  expect(() => openDataFolder('/proc/millrace/data')).toThrow(sentence);
});

it('keeps its passwords, readable by its owner alone, and adds what is missing', () => {
  const folder = openDataFolder(dir);
  const first = passwordsOf(folder, ['a', 'b']);
  expect(Object.values(first).every((password) => /^[\w-]{32}$/.test(password))).toBe(true);
  expect(first['a']).not.toBe(first['b']);
  expect(fs.statSync(path.join(dir, 'secrets.json')).mode & 0o777).toBe(0o600);
  expect(passwordsOf(folder, ['b', 'c'])).toEqual({ ...first, c: expect.any(String) });
});

it('refuses passwords that it cannot read rather than making new ones', () => {
  const folder = openDataFolder(dir);
  fs.writeFileSync(path.join(dir, 'secrets.json'), '{');
  expect(() => passwordsOf(folder, ['a'])).toThrow('secrets.json cannot be read');
});
