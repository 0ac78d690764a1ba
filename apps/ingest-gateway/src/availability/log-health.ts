import { MessagingError } from '@millrace/messaging';
import { SealUnavailable } from '../sealing/inbound-seal';

export interface LogHealthOptions {
  /** Reads something small from the log; rejects when it cannot be reached. */
  readonly probe: () => Promise<unknown>;
  readonly monotonicMs: () => number;
  /** … and requests are refused unread for so long, until one is tried again. */
  readonly fullRestMs: number;
  /** A full log is called so for this long after it said so: reading it tells nothing about room. */
  readonly fullMs: number;
}

/**
 * Whether the log takes appends, for `/readiness`: what the last append said, and between appends what a look at the log
 * says. Decides about a request only for a moment after the log said that it is full: of thousands a second one has to
 * carry its body to the log to be told so again.
 */
export class LogHealth {
  private reason: string | null = null;
  private fullUntilMs = -Infinity;
  private restUntilMs = -Infinity;
  private appendedSinceCheck = false;

  constructor(private readonly options: LogHealthOptions) {}

  ready(): true | string {
    if (this.reason !== null) return this.reason;
    return this.options.monotonicMs() < this.fullUntilMs ? 'the log is full' : true;
  }

  /** Whether a request is not even to be tried. */
  get full(): boolean {
    return this.options.monotonicMs() < this.restUntilMs;
  }

  onAppended(): void {
    this.appendedSinceCheck = true;
    this.reason = null;
    this.fullUntilMs = this.restUntilMs = -Infinity;
  }

  onFailed(error: unknown): void {
    const code = error instanceof MessagingError ? error.code : null;
    if (code === 'MESSAGING_FULL') {
      const nowMs = this.options.monotonicMs();
      this.fullUntilMs = nowMs + this.options.fullMs;
      this.restUntilMs = nowMs + this.options.fullRestMs;
    } else if (code !== 'MESSAGING_TOO_LARGE' && !(error instanceof SealUnavailable))
      this.reason = 'the log cannot be reached';
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
