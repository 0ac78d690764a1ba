import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { StartError } from '../start/start-error';

const MIB = 1 << 20;
const PIECE = Buffer.alloc(MIB);

/**
 * A small ext4 file system in a file of its own, mounted over a loop device, that can be filled to its last byte. Takes
 * Linux and an administrator.
 */
export class SmallDisk {
  private readonly filler: string;

  private constructor(
    private readonly image: string,
    readonly folder: string,
  ) {
    this.filler = path.join(folder, 'filler');
  }

  /** @throws StartError where nothing can be mounted */
  static mount(image: string, folder: string, mib: number): SmallDisk {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(image, '');
    fs.truncateSync(image, mib * MIB);
    try {
      // Nothing is kept back for the administrator, who is the one that runs this.
      execFileSync('mkfs.ext4', ['-q', '-m', '0', image], { stdio: 'pipe' });
      execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' });
    } catch (error) {
      fs.rmSync(image, { force: true });
      throw new StartError(`A small file system cannot be mounted; it takes Linux and root: ${String(error)}`, {
        cause: error,
      });
    }
    return new SmallDisk(image, folder);
  }

  /** Takes what room there is. To be called again: others give room back. */
  fill(): void {
    const handle = fs.openSync(this.filler, 'a');
    try {
      for (let piece = PIECE; piece.length >= 1;) {
        try {
          fs.writeSync(handle, piece);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          piece = piece.subarray(0, Math.floor(piece.length / 16));
        }
      }
    } finally {
      fs.closeSync(handle);
    }
  }

  /** Gives the room back. */
  free(): void {
    fs.rmSync(this.filler, { force: true });
  }

  /** What a process that is still ending holds is let go when it has ended. */
  unmount(): void {
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' });
    fs.rmSync(this.image, { force: true });
  }
}
