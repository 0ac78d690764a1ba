import { writeCheckpoint } from './checkpoint-write';
import { cleanLog } from './log-cleanup';
import { retentionOf } from './retention';
import type { Snapshot } from './snapshot';
import type { TableContext } from './table-context';

/** Looking for expired files lists the log: no more often than this. */
const CLEAN_UP_EVERY_MS = 3_600_000;

/**
 * Writes checkpoints beside the commits, one at a time, and removes what of the log has expired. A failure is reported
 * and tried again at the next commit: readers only take longer meanwhile.
 */
export class Checkpointer {
  private newest = -1;
  private running: Promise<void> | null = null;
  private lastCleanUp = -Infinity;

  constructor(
    private readonly context: TableContext,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Tells of a checkpoint that exists. */
  known(version: number): void {
    this.newest = Math.max(this.newest, version);
  }

  /** Starts a checkpoint when one is due and none is under way. */
  committed(snapshot: Snapshot, interval: number): void {
    if (interval <= 0 || this.running || snapshot.version - Math.max(this.newest, 0) < interval) return;
    this.running = this.write(snapshot)
      .then(() => this.cleanUp(snapshot))
      .catch((error: unknown) => this.onError(error))
      .finally(() => (this.running = null));
  }

  async write(snapshot: Snapshot): Promise<void> {
    const { log, duck, now } = this.context;
    const written = await duck.use((connection) => writeCheckpoint(log, snapshot, connection, now()));
    if (written) this.known(snapshot.version);
  }

  async settled(): Promise<void> {
    await this.running;
  }

  private async cleanUp(snapshot: Snapshot): Promise<void> {
    const now = this.context.now();
    const { logMs, logIsCleaned } = retentionOf(snapshot);
    if (!logIsCleaned || now - this.lastCleanUp < CLEAN_UP_EVERY_MS) return;
    this.lastCleanUp = now;
    await cleanLog(this.context.log, this.newest, now - logMs);
  }
}
