import net from 'node:net';

/** What happens to a connection on which a COMMIT is sent. */
export type Cut = 'before' | 'after';

export interface CommitCutterOptions {
  readonly port: number;
  readonly postgresPort: number;
}

/** Simple queries that end a transaction, and appends, which are one statement and commit by themselves. */
const COMMITS = /\bCOMMIT\b|log\.append/;

/**
 * A TCP proxy before Postgres. Armed, it breaks the next connection of a user on which a commit is sent: just before
 * the server gets it, or just after, so that the client cannot tell what became of it.
 */
export class CommitCutter {
  private readonly server: net.Server;
  private armed: { user: string; cut: Cut; done: (cut: boolean) => void } | null = null;
  private readonly open = new Set<net.Socket>();

  constructor(private readonly options: CommitCutterOptions) {
    this.server = net.createServer((client) => this.join(client));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, '127.0.0.1', resolve);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Resolves with whether a commit of the user was cut within `msMax`. */
  cutNext(user: string, cut: Cut, msMax: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), msMax);
      const done = (was: boolean): void => {
        clearTimeout(timer);
        this.armed = null;
        resolve(was);
      };
      this.armed = { user, cut, done };
    });
  }

  private join(client: net.Socket): void {
    const server = net.connect(this.options.postgresPort, '127.0.0.1');
    let user = '';
    for (const socket of [client, server]) {
      this.open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.open.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (chunk) => {
      // The startup message names the user: `user\0name\0`.
      if (user === '') user = /user\0([^\0]+)\0/.exec(chunk.toString('latin1'))?.[1] ?? '';
      const { armed } = this;
      if (armed?.user !== user || !COMMITS.test(chunk.toString('latin1'))) return void server.write(chunk);
      armed.done(true);
      if (armed.cut === 'before') return void client.destroy();
      // The server gets it and answers to nobody.
      server.write(chunk, () => {
        client.removeAllListeners('close');
        client.destroy();
        server.end();
      });
    });
    server.on('data', (chunk) => client.write(chunk));
    server.on('end', () => client.end());
    client.on('end', () => server.end());
  }
}
