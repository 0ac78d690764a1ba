/** Of a file system: blocks in all, and those that are free to ordinary users. */
export interface DiskBlocks {
  readonly blocks: number;
  readonly bavail: number;
}

export interface DiskSpaceOptions {
  readonly read: () => Promise<DiskBlocks>;
  readonly freePercentMin: number;
}

/**
 * Whether a disk has room: a service that goes on until the last byte leaves the database no space to recover in. A disk
 * that cannot be looked at counts as having room, so that an unusual file system stops nothing.
 */
export class DiskSpace {
  private freePercent = 100;

  constructor(private readonly options: DiskSpaceOptions) {}

  /** Null while there is room, else why not. */
  shortage(): string | null {
    const { freePercentMin } = this.options;
    return this.freePercent < freePercentMin ? `less than ${freePercentMin} % of the disk is free` : null;
  }

  /** To be called every few seconds. */
  async check(): Promise<void> {
    try {
      const { blocks, bavail } = await this.options.read();
      this.freePercent = blocks > 0 ? (100 * bavail) / blocks : 100;
    } catch {
      this.freePercent = 100;
    }
  }
}
