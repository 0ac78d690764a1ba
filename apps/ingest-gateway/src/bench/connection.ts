import net from 'node:net';

/** What a connection tells of one answer: its status and how long it took from the first byte sent, ms. */
export type OnAnswer = (status: number, ms: number) => void;

const READ_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * One keep-alive HTTP/1.1 connection that has one request under way at most. A client written for measuring: answers are
 * read into one buffer and only their status and length are looked at, because on few cores what the client costs is
 * taken from the server.
 */
export class Connection {
  private readonly socket: net.Socket;
  private readonly onConnected: Promise<void>;
  private sentMs = 0;
  private status = 0;
  /** Bytes of the answer still to come; -1 while its head is read. */
  private missing = -1;
  private head = Buffer.alloc(0);

  constructor(
    port: number,
    private readonly onAnswer: OnAnswer,
    private readonly onFailure: (error: Error) => void,
  ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const onread = {
      buffer,
      callback: (size: number): boolean => {
        this.read(buffer.subarray(0, size));
        return true;
      },
    };
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.onConnected = new Promise((resolve, reject) => {
      this.socket.once('connect', () => resolve());
      this.socket.once('error', reject);
    });
    this.socket.on('error', (error) => this.onFailure(error));
    this.socket.on('end', () => this.onFailure(new Error('the server closed the connection')));
  }

  connected(): Promise<void> {
    return this.onConnected;
  }

  send(request: Buffer): void {
    this.sentMs = performance.now();
    this.missing = -1;
    this.socket.write(request);
  }

  close(): void {
    this.socket.removeAllListeners('end');
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    if (this.missing < 0) {
      const bytes = this.head.length > 0 ? Buffer.concat([this.head, chunk]) : chunk;
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) {
        this.head = Buffer.from(bytes);
        return;
      }
      this.head = Buffer.alloc(0);
      const head = bytes.toString('latin1', 0, end);
      this.status = Number(head.slice(9, 12));
      this.missing = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? NaN) - (bytes.length - end - HEAD_END.length);
    } else this.missing -= chunk.length;
    if (this.missing <= 0) this.onAnswer(this.status, performance.now() - this.sentMs);
    else if (Number.isNaN(this.missing)) this.onFailure(new Error('an answer without Content-Length'));
  }
}
