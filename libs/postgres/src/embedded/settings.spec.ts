import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { codeOf, explain } from './errors';
import { LogFile } from './log-file';
import { DEFAULT_SETTINGS, renderSettings, type Settings } from './settings';

describe('settings', () => {
  it('are written one a line, quoted', () => {
    expect(renderSettings({ jit: false, max_connections: 5, application_name: "it's" })).toMatch(
      /^# .*\njit = off\nmax_connections = 5\napplication_name = 'it''s'\n$/,
    );
  });

  it.each<Settings>([
    { 'evil\nfsync': 'off' },
    { application_name: "a'\nfsync = off\n#" },
    { application_name: 'back\\slash' },
  ])('cannot smuggle in a line: %j', (settings) => expect(() => renderSettings(settings)).toThrow(RangeError));

  it('keep the server durable and to this machine', () => {
    expect(DEFAULT_SETTINGS).not.toHaveProperty('fsync');
    expect(DEFAULT_SETTINGS).not.toHaveProperty('synchronous_commit');
    expect(DEFAULT_SETTINGS).toMatchObject({ listen_addresses: '127.0.0.1', max_connections: 120, jit: false });
  });
});

describe('what the server and the system say', () => {
  it.each([
    ['FATAL:  could not write lock file "postmaster.pid": No space left on device', 'EMBEDDED_DISK_FULL'],
    ["ENOSPC: no space left on device, mkdir '/x'", 'EMBEDDED_DISK_FULL'],
    ['initdb: error: could not create directory "x": Read-only file system', 'EMBEDDED_READ_ONLY'],
    ['HINT:  Check free disk space.', 'EMBEDDED_DISK_FULL'],
    ["EACCES: permission denied, mkdir '/x'", 'EMBEDDED_READ_ONLY'],
    ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'EMBEDDED_PORT_TAKEN'],
    [
      'DETAIL:  The data directory was initialized by PostgreSQL version 15, which is not compatible',
      'EMBEDDED_OTHER_VERSION',
    ],
    ['PANIC:  something else', undefined],
  ])('%s is %s', (said, code) => {
    expect(codeOf(said)).toBe(code);
    expect(explain('/folder', 'starting', new Error(said))).toMatchObject({ code: code ?? 'EMBEDDED_FAILED' });
  });

  it('names the folder whose disk is full', () => {
    expect(explain('/folder', 'starting', new Error('ENOSPC')).message).toContain('the disk under /folder is full');
  });
});

describe('the log file', () => {
  it('keeps the newest, within its limit', () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'log-'));
    const file = path.join(dir, 'postgres.log');
    const log = new LogFile(file, 1_000);
    expect(log.bytes).toBe(0);
    writeFileSync(file, 'old\n'.repeat(250));
    log.rotate();
    expect(log.bytes).toBe(1_000);
    writeFileSync(file, 'one more\n', { flag: 'a' });
    log.rotate();
    expect(log.bytes).toBe(0);
    expect(readFileSync(`${file}.1`, 'utf8').endsWith('one more\n')).toBe(true);
    writeFileSync(file, 'x'.repeat(5_000) + 'the end');
    expect(log.tail(0)).toHaveLength(4_000);
    expect(log.tail(5_000)).toBe('the end');
    expect(statSync(file).mode & 0o777).toBe(0o644 & ~process.umask());
    rmSync(dir, { recursive: true });
  });
});
