import net from 'node:net';

/** What one answer tells: its status, whether it said when to come again, and the time since the request was sent. */
export interface Answered {
  readonly status: number;
  readonly retryAfter: boolean;
  /** Whether the connection ends with it. */
  readonly closing: boolean;
  readonly ms: number;
}

export interface ConnectionEvents {
  readonly onAnswer: (connection: LoadConnection, answer: Answered) => void;
  /** The connection ended; `pending` when a request was under way that now has no answer. */
  readonly onClosed: (connection: LoadConnection, pending: boolean) => void;
}

const READ_BYTES = 16 * 1024;
const LENGTH = /content-length: *(\d+)/i;
const RETRY_AFTER = /retry-after: *\d+/i;
const CLOSE = /connection: *close/i;

/**
 * One keep-alive HTTP/1.1 connection with one request under way at most. Written for load: of an answer only status,
 * length and two headers are looked at, because on few cores what the client costs is taken from the server.
 */
export class LoadConnection {
  private readonly socket: net.Socket;
  private sentMs = 0;
  private pending = false;
  private status = 0;
  private retryAfter = false;
  private closing = false;
  /** Bytes of the answer still to come; -1 while its head is read. */
  private missing = -1;
  private head = '';

  constructor(
    port: number,
    /** The request, whole; its owner numbers it anew before each `send`. */
    readonly request: Buffer,
    private readonly events: ConnectionEvents,
  ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const callback = (size: number): boolean => {
      this.read(buffer, size);
      return true;
    };
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.events.onClosed(this, this.pending));
  }

  connected(): Promise<void> {
    if (!this.socket.connecting) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once('connect', resolve);
      this.socket.once('close', () => resolve());
    });
  }

  send(nowMs: number): void {
    this.sentMs = nowMs;
    this.missing = -1;
    this.head = '';
    this.pending = true;
    this.socket.write(this.request);
  }

  close(): void {
    this.socket.destroy();
  }

  private read(buffer: Buffer, size: number): void {
    if (this.missing < 0) {
      this.head += buffer.toString('latin1', 0, size);
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.status = Number(this.head.slice(9, 12));
      this.retryAfter = this.status >= 400 && RETRY_AFTER.test(this.head);
      this.closing = this.status >= 400 && CLOSE.test(this.head);
      this.missing = Number(LENGTH.exec(this.head)?.[1] ?? 0) - (this.head.length - end - 4);
    } else this.missing -= size;
    if (this.missing > 0) return;
    this.pending = false;
    const { status, retryAfter, closing } = this;
    this.events.onAnswer(this, { status, retryAfter, closing, ms: performance.now() - this.sentMs });
    if (this.closing) this.socket.end();
  }
}
