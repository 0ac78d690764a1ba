import http from 'node:http';
import type net from 'node:net';

export interface Call {
  readonly url: string;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly method: string;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
}

/** A status, or `hang`: no answer until the target is released. */
export type Answer = number | 'hang';

/** An HTTP service of a test: remembers what it was asked, and answers as it is told. */
export class Target {
  readonly calls: Call[] = [];
  origin = '';
  /** Calls under way at once, at most, since the start. */
  concurrencyMax = 0;
  private under = 0;
  private readonly hanging = new Set<http.ServerResponse>();
  private readonly server: http.Server;
  answer: (call: Call, nth: number) => Answer | Promise<Answer> = () => 200;

  private constructor() {
    this.server = http.createServer((request, response) => void this.serve(request, response));
  }

  static async listen(): Promise<Target> {
    const target = new Target();
    await new Promise<void>((resolve) => target.server.listen(0, '127.0.0.1', resolve));
    target.origin = `http://127.0.0.1:${(target.server.address() as net.AddressInfo).port}`;
    return target;
  }

  /** The calls of one path, in order. */
  of(path: string): Call[] {
    return this.calls.filter(({ url }) => url === path);
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.concurrencyMax = Math.max(this.concurrencyMax, ++this.under);
    response.on('close', () => this.under--);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '', headers, method = '' } = request;
    const call: Call = { url, headers, method, body: Buffer.concat(chunks).toString(), at: performance.now() };
    this.calls.push(call);
    const answer = await this.answer(call, this.of(url).length);
    if (answer === 'hang') {
      this.hanging.add(response);
      return;
    }
    if (answer >= 300 && answer < 400) response.setHeader('location', '/redirected');
    response.writeHead(answer).end('{"some":"answer"}');
  }

  /** Answers 200 to all that hang. */
  releaseAll(): void {
    for (const response of this.hanging) response.writeHead(200).end();
    this.hanging.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Waits for what the other side does in its own time. */
export async function eventually(condition: () => boolean, what: string, waitMsMax = 40_000): Promise<void> {
  for (const deadline = performance.now() + waitMsMax; !condition();) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${waitMsMax} ms: ${what}`);
    await pause(5);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
