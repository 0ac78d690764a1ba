import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, migrate, type Pool } from '@millrace/postgres';
import { type Embedded, startEmbedded } from '@millrace/postgres/embedded';
import { GATEWAY_MIGRATIONS, type GatewayDatabase } from './gateway.client';

/** A durable Postgres of the test's own, to be killed and started again under the same address. */
export class OwnPostgres implements GatewayDatabase {
  private constructor(
    private readonly folder: string,
    private server: Embedded,
    readonly url: string,
    readonly pool: Pool,
  ) {}

  static async start(): Promise<OwnPostgres> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'millrace-gateway-postgres-'));
    const server = await startEmbedded({ dataDir: folder, settings: { shared_buffers: '32MB', max_connections: 40 } });
    const url = server.url('postgres');
    const pool = createPool({ url, max: 3, applicationName: 'test' });
    for (const { schema, dir } of GATEWAY_MIGRATIONS) {
      await pool.query(`CREATE SCHEMA ${schema}`);
      await migrate({ url, schema, dir });
    }
    return new OwnPostgres(folder, server, url, pool);
  }

  /** As a power cut would, but for what the system has in its cache. */
  async kill(): Promise<void> {
    const { pid } = this.server;
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await sleep(10);
  }

  async restart(): Promise<void> {
    this.server = await startEmbedded({
      dataDir: this.folder,
      port: this.server.port,
      settings: { shared_buffers: '32MB', max_connections: 40 },
    });
  }

  async drop(): Promise<void> {
    await this.pool.end();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
