import net from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: string;
}

/** One HTTP/1.1 connection on which bytes are sent as they are: what fetch would mend, refuse or hide. */
export class RawConnection {
  private received = '';
  private ended = false;
  private waiting: (() => void)[] = [];

  private constructor(private readonly socket: net.Socket) {
    const wake = (): void => this.waiting.splice(0).forEach((resolve) => resolve());
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      wake();
    });
    socket.on('close', () => {
      this.ended = true;
      wake();
    });
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = net.connect({ host: '127.0.0.1', port });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawConnection(socket);
  }

  /** Resolves when the bytes are handed to the system. */
  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /**
   * The next answer, or null when the connection was closed without one. Rejects after `msMax`. An answer to HEAD has
   * no body, whatever its headers say; `perhaps`: unless it closes the connection, as what could not be read for a
   * request is answered, with a body.
   */
  async answer(msMax = 10_000, toHead: boolean | 'perhaps' = false): Promise<RawAnswer | null> {
    const deadline = performance.now() + msMax;
    for (;;) {
      const found = this.take(toHead);
      if (found && !/^HTTP\/1\.1 1/.test(found.head)) return found;
      if (found) continue;
      if (this.ended) return null;
      if (performance.now() > deadline)
        throw new Error(`no answer within ${msMax} ms; so far ${JSON.stringify(this.received.slice(0, 500))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
  }

  /** The first answer received whole. */
  private take(toHead: boolean | 'perhaps'): RawAnswer | null {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = this.received.slice(0, end);
    const status = Number(head.slice(9, 12));
    const headOnly = toHead === 'perhaps' ? !/^connection: *close/im.test(head) : toHead;
    const bodiless = headOnly || status < 200 || status === 204 || status === 304;
    const chunked = !bodiless && /^transfer-encoding: *chunked/im.test(head);
    const length = bodiless ? 0 : Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const stop = chunked ? this.received.indexOf('0\r\n\r\n', end + 4) + 5 : end + 4 + length;
    if (stop < end + 4 || this.received.length < stop) return null;
    const body = Buffer.from(this.received.slice(end + 4, stop), 'latin1').toString();
    this.received = this.received.slice(stop);
    return { status, head, body };
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The head of a POST with these headers, and the body. */
export function rawPost(
  path: string,
  headers: Readonly<Record<string, string | number>>,
  body: string | Buffer = '',
): Buffer {
  const lines = [`POST ${path} HTTP/1.1`, 'host: 127.0.0.1', ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}
