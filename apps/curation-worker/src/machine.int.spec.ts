import { existsSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '@millrace/storage';
import { openScratch } from './machine.client';

/** Takes nothing that is written to it, as a full disk does (Linux). */
const FULL = '/dev/full';

describe('scratch files', () => {
  it('hold what they are given until they are dropped', async () => {
    const scratch = await openScratch();
    const held = await scratch.hold(Buffer.from('rows'));
    expect(await readdir(scratch.folder)).toHaveLength(1);
    await held.drop();
    expect(await readdir(scratch.folder)).toEqual([]);
    await scratch.remove();
  });

  // A batch that fails of anything else is tried in ever smaller parts, and put aside in the end.
  (existsSync(FULL) ? it : absent)('on a full disk fail in a way that is waited out, and leave nothing', async () => {
    const scratch = await openScratch();
    await symlink(FULL, path.join(scratch.folder, '0'));
    const failed = await scratch.hold(Buffer.from('rows')).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(StorageError);
    expect(failed).toMatchObject({ code: 'STORAGE_FULL', canRetry: true });
    expect(await readdir(scratch.folder)).toEqual([]);
    await (await scratch.hold(Buffer.from('rows'))).drop();
    await scratch.remove();
  });
});

function absent(name: string): void {
  it(`${name} (without ${FULL}: left out)`, () => expect(existsSync(FULL)).toBe(false));
}
