import { MessagingError } from '@millrace/messaging';

export interface LogHealthOptions {
  /** Reads something small from the log; rejects when it cannot be reached. */
  readonly probe: () => Promise<unknown>;
  readonly monotonicMs: () => number;
  /** A full log is called so for this long after it said so: reading it tells nothing about room. */
  readonly fullMs: number;
}

/**
 * Whether the log takes appends, for `/readiness`: what the last append said, and between appends what a look at the log
 * says. Never decides about a request: those are tried.
 */
export class LogHealth {
  private reason: string | null = null;
  private fullUntilMs = -Infinity;
  private appendedSinceCheck = false;

  constructor(private readonly options: LogHealthOptions) {}

  ready(): true | string {
    if (this.reason !== null) return this.reason;
    return this.options.monotonicMs() < this.fullUntilMs ? 'the log is full' : true;
  }

  onAppended(): void {
    this.appendedSinceCheck = true;
    this.reason = null;
    this.fullUntilMs = -Infinity;
  }

  onFailed(error: unknown): void {
    const code = error instanceof MessagingError ? error.code : null;
    if (code === 'MESSAGING_FULL') this.fullUntilMs = this.options.monotonicMs() + this.options.fullMs;
    else if (code !== 'MESSAGING_TOO_LARGE') this.reason = 'the log cannot be reached';
  }

  /** To be called every second or so. Costs nothing while appends succeed. */
  async check(): Promise<void> {
    if (this.appendedSinceCheck) {
      this.appendedSinceCheck = false;
      return;
    }
    try {
      await this.options.probe();
      this.reason = null;
    } catch {
      this.reason = 'the log cannot be reached';
    }
  }
}
