import { Client } from 'pg';
import { isUnavailable } from '../errors';
import { EmbeddedError } from './errors';
import { type Identity, isServer, readPidFile } from './postmaster';

export interface Greeting {
  readonly pid: number;
  readonly port: number;
}

export interface ReadyOptions extends Identity {
  readonly url: (port: number) => string;
  /** Whether there is still something to wait for. */
  readonly isAlive: () => boolean;
  readonly waitMsMax: number;
}

const POLL_MS = 10;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Resolves when the server of this data takes our password and gives its own name, so that another program on its port
 * is never mistaken for it; undefined when the process ends first. Throws EMBEDDED_TIMEOUT, EMBEDDED_WRONG_PASSWORD.
 */
export async function awaitReady(options: ReadyOptions): Promise<Greeting | undefined> {
  const deadline = performance.now() + options.waitMsMax;
  while (performance.now() < deadline) {
    const alive = options.isAlive();
    const file = readPidFile(options.pgData);
    // A file left by an earlier server also says ready.
    const ready = file?.status === 'ready' && isServer(file.pid, options);
    if (ready && (await answers(options.url(file.port), options.clusterName))) return file;
    if (!alive) return undefined;
    await sleep(POLL_MS);
  }
  throw new EmbeddedError(
    'EMBEDDED_TIMEOUT',
    `embedded Postgres was not ready after ${options.waitMsMax} ms (it may still be recovering: start again to wait on)`,
  );
}

async function answers(url: string, clusterName: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query('SHOW cluster_name');
    return rows[0].cluster_name === clusterName;
  } catch (error) {
    if ((error as { code?: unknown }).code === '28P01') {
      throw new EmbeddedError(
        'EMBEDDED_WRONG_PASSWORD',
        'embedded Postgres does not take the password kept beside its data: restore the file `password` of the data folder',
        { cause: error },
      );
    }
    if (isUnavailable(error)) return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
