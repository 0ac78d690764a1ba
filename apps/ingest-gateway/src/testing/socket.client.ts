import net from 'node:net';

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

  /** The next answer, or null when the connection was closed without one. Rejects after `msMax`. */
  async answer(msMax = 10_000): Promise<{ status: number; head: string; body: string } | null> {
    const deadline = performance.now() + msMax;
    for (;;) {
      const end = this.received.indexOf('\r\n\r\n');
      const head = end < 0 ? '' : this.received.slice(0, end);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (end >= 0 && this.received.length >= end + 4 + length) {
        const body = this.received.slice(end + 4, end + 4 + length);
        this.received = this.received.slice(end + 4 + length);
        if (/^HTTP\/1\.1 1/.test(head)) continue;
        return { status: Number(head.slice(9, 12)), head, body: Buffer.from(body, 'latin1').toString() };
      }
      if (this.ended) return null;
      if (performance.now() > deadline)
        throw new Error(`no answer within ${msMax} ms; so far ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
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
