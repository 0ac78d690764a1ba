import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly headers: http.IncomingHttpHeaders;
  readonly lines: readonly Buffer[];
}

/** The public side of Millrace as a producer sees it: keeps what is sent, answers as it is told. */
export class FakeMillrace {
  readonly seen: SeenRequest[] = [];
  connections = 0;
  /** Status and headers of the nth request, from 1 on; 0 breaks the connection off, -1 stays silent. */
  answer: (nth: number) => { status: number; headers?: Record<string, string>; detail?: string } = () => ({
    status: 202,
  });
  private readonly server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const lines = splitLines(Buffer.concat(chunks));
      const nth = this.seen.push({ headers: request.headers, lines });
      const { status, headers, detail } = this.answer(nth);
      if (status === 0) {
        request.socket.destroy();
        return;
      }
      if (status === -1) return;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(
        JSON.stringify(status < 300 ? { accepted: lines.length, quarantined: 0, items: [] } : { status, detail }),
      );
    });
  });

  async start(): Promise<string> {
    this.server.on('connection', () => this.connections++);
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get lines(): Buffer[] {
    return this.seen.flatMap(({ lines }) => [...lines]);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function splitLines(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(10, from);
    lines.push(body.subarray(from, end));
    from = end + 1;
  }
  return lines;
}
