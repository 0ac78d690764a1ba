export interface DiskSpaceOptions {
  /** Bytes free and in all, or null where there is no such bound. */
  readonly read: () => Promise<{ free: number; total: number } | null>;
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

  /** To be called every few seconds. Never rejects. */
  async check(): Promise<void> {
    const space = await this.options.read().catch(() => null);
    this.freePercent = space && space.total > 0 ? (100 * space.free) / space.total : 100;
  }
}
