import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LogFiles } from './log-files';

const full = (): never => {
  throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
};

describe('log files', () => {
  let dir: string;
  beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-logs-'))));
  afterEach(() => {
    jest.restoreAllMocks();
    fs.rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
  });
  const lines = (file: string): string[] => fs.readFileSync(path.join(dir, file), 'utf8').split('\n').slice(0, -1);

  it('keep the file before the present one', () => {
    const files = new LogFiles(dir, 10);
    for (const line of ['first line', 'second line', 'third line']) files.write('a', line);
    files.close();
    expect([lines('a.log.1'), lines('a.log')]).toEqual([['second line'], ['third line']]);
  });

  it('give lines up on a full disk, and go on afterwards on a line of their own', () => {
    const files = new LogFiles(dir);
    files.write('a', 'whole');
    const real = fs.writeSync;
    // A disk takes what it has room for.
    jest
      .spyOn(fs, 'writeSync')
      .mockImplementationOnce(((handle: number, bytes: Buffer) => real(handle, bytes, 0, 3)) as typeof fs.writeSync)
      .mockImplementationOnce(full);
    for (const line of ['torn', 'lost', 'next']) files.write('a', line);
    files.close();
    expect(lines('a.log')).toEqual(['whole', 'tor', 'next']);
  });

  it('touch no file of others when a new one cannot be opened, and open it when there is room', () => {
    const files = new LogFiles(dir, 4);
    files.write('a', 'one two');
    const open = jest.spyOn(fs, 'openSync').mockImplementationOnce(full);
    files.write('a', 'lost');
    open.mockRestore();
    // It gets the number that the closed file had.
    const other = fs.openSync(path.join(dir, 'other'), 'w');
    files.write('a', 'three');
    fs.writeSync(other, 'still open');
    fs.closeSync(other);
    files.close();
    expect([lines('a.log.1'), lines('a.log')]).toEqual([['one two'], ['three']]);
  });
});
