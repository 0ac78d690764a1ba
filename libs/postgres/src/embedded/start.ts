import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import path from 'node:path';
import { type Account, chooseAccount } from './account';
import { type Binaries, findNative, prepareBinaries, spareDirs } from './binaries';
import { DataDirectory, type Doorway, findDoorway, initialise, moveOut, PLAIN, writeSettings } from './data-directory';
import { EmbeddedError, explain } from './errors';
import { LogFile } from './log-file';
import { isPortFree, pickPort } from './port';
import {
  disownPidFile,
  endOrphans,
  type Identity,
  isServer,
  readPidFile,
  spawnPostmaster,
  stopPostmaster,
  supportsLz4,
} from './postmaster';
import { exclusively, Presence, present } from './presence';
import { awaitReady, type Greeting } from './readiness';
import { DEFAULT_SETTINGS, LZ4_SETTINGS, type Settings } from './settings';

export interface EmbeddedOptions {
  /** Everything stays in here: data, log, password. Created when absent. */
  readonly dataDir: string;
  /** Default: the last one's when it is free, else any free one. */
  readonly port?: number;
  /** The superuser's, when the data is created (default: a random one, kept in `<dataDir>/password`, mode 0600). */
  readonly password?: string;
  /** On top of DEFAULT_SETTINGS. */
  readonly settings?: Settings;
  /** Waiting for a start, crash recovery included (default 120,000). */
  readonly startTimeoutMs?: number;
  /** Waiting for a fast shutdown before an immediate one (default 20,000). */
  readonly stopTimeoutMs?: number;
}

export interface Embedded {
  /** A connection URL; without `role` the superuser's. A role given by name has the superuser's password. */
  url(database: string, role?: string | { readonly name: string; readonly password: string }): string;
  readonly port: number;
  readonly pid: number;
  /** Whether the server was running already: left by a killed process, or started by another. */
  readonly adopted: boolean;
  /** What a person should know, e.g. that something had to be put outside the data folder. */
  readonly notes: readonly string[];
  /** Leaves the server to others, running. */
  release(): void;
  /** Shuts the server down, unless another living process uses it. Bounded in time; may be called twice. */
  stop(): Promise<void>;
}

interface Place {
  readonly data: DataDirectory;
  readonly log: LogFile;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
  readonly doorway: Doorway;
  readonly identity: Identity;
  readonly password: string;
  readonly notes: string[];
}

const USER = 'postgres';
const SPAWNS_MAX = 5;
const START_MS = 120_000;
const STOP_MS = 20_000;

/**
 * Starts Postgres from the binaries of an npm package, as root or not, and resolves when it takes connections.
 *
 * - One server a folder: a start while it runs joins it, also one whose parent was killed. It stops when the last
 *   living user stops it. Two starts at once make one server.
 * - A killed server recovers at the next start; pid files left behind never block it.
 * - Only this machine can connect, with the password.
 *
 * Throws EmbeddedError, whose codes say what a person can do about it.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const dir = path.resolve(options.dataDir);
  try {
    const data = new DataDirectory(dir);
    data.create();
    const started = await exclusively(data.turn, options.startTimeoutMs ?? START_MS, () => {
      data.create();
      return join(data, options);
    });
    if (started) return started.value;
  } catch (error) {
    throw explain(dir, 'starting', error);
  }
  throw new EmbeddedError(
    'EMBEDDED_TIMEOUT',
    `another process has been starting or stopping embedded Postgres in ${dir} for too long (see ${dir}/turn)`,
  );
}

async function join(data: DataDirectory, options: EmbeddedOptions): Promise<Embedded> {
  const place = prepare(data, options);
  const running = await findRunning(place, options);
  if (running) return handle(place, options, running, true);
  if (!data.initialised) initialise(data, place.binaries, place.account, place.doorway, place.password);
  return handle(place, options, await start(place, options), false);
}

function prepare(data: DataDirectory, options: EmbeddedOptions): Place {
  const notes: string[] = [];
  const account = chooseAccount(data.dir, data.pgData);
  const { binaries, note } = prepareBinaries(findNative(), account, spareDirs(data.dir));
  if (note) notes.push(note);
  let doorway = findDoorway(data.dir, account);
  if (!doorway) {
    const moved = moveOut(data);
    notes.push(`root cannot serve ${data.dir}: the data is in ${moved}`);
    doorway = PLAIN;
  }
  const log = new LogFile(data.logFile);
  const place: Place = {
    data,
    log,
    account,
    binaries,
    doorway,
    notes,
    identity: { clusterName: data.clusterName(), pgData: data.pgData },
    password: data.password(options.password),
  };
  closeSync(log.openForAppend());
  if (account?.owner) data.giveTo(account);
  return place;
}

/** The server that runs already, once it is ready. One that nobody uses and that has another port is shut down. */
async function findRunning(place: Place, options: EmbeddedOptions): Promise<Greeting | undefined> {
  const { data, identity } = place;
  const file = readPidFile(data.pgData);
  if (!file) return undefined;
  if (!isServer(file.pid, identity)) {
    await endOrphans(identity.clusterName);
    disownPidFile(data.pgData);
    return undefined;
  }
  const wanted = options.port || file.port;
  if (file.port !== wanted && present(data.users).length > 0) {
    throw new EmbeddedError(
      'EMBEDDED_IN_USE',
      `embedded Postgres of ${data.dir} is in use on port ${file.port}, not ${wanted}: stop what uses it first`,
    );
  }
  if (file.status !== 'stopping' && file.port === wanted) {
    const greeting = await greet(place, () => isServer(file.pid, identity), options);
    if (greeting) return greeting;
  }
  await stopPostmaster(file.pid, identity, options.stopTimeoutMs ?? STOP_MS, place.binaries);
  return undefined;
}

const greet = (place: Place, hasHope: () => boolean, options: EmbeddedOptions): Promise<Greeting | undefined> =>
  awaitReady({
    ...place.identity,
    url: (port) => connectionUrl(port, USER, place.password, 'postgres'),
    isAlive: hasHope,
    waitMsMax: options.startTimeoutMs ?? START_MS,
  });

/** On Windows the child is pg_ctl, which ends well as soon as the server is on its way. */
const exited = (child: ChildProcess): boolean =>
  child.pid === undefined ||
  child.signalCode !== null ||
  (child.exitCode !== null && (process.platform !== 'win32' || child.exitCode !== 0));

async function start(place: Place, options: EmbeddedOptions): Promise<Greeting> {
  const { data, log, identity } = place;
  const server = { ...place, ...identity, pgDataName: place.doorway.directory(data.pgData) };
  const settings: Settings = { ...DEFAULT_SETTINGS, ...(supportsLz4(server) && LZ4_SETTINGS), ...options.settings };
  for (let spawns = 1; ; spawns++) {
    const port = options.port || (await pickPort(spawns === 1 ? data.lastPort : undefined));
    if (!(await isPortFree(port))) throw taken(port);
    writeSettings(data, { ...settings, port, cluster_name: identity.clusterName }, place.account);
    log.rotate();
    const offset = log.bytes;
    const child = spawnPostmaster(server);
    const greeting = await greet(place, () => !exited(child), options).catch(async (error: unknown) => {
      // One that recovers for long is left to it; one that we cannot use must not stay behind.
      const abandoned = !(error instanceof EmbeddedError) || error.code !== 'EMBEDDED_TIMEOUT';
      if (abandoned && child.pid) await stopPostmaster(child.pid, identity, STOP_MS, place.binaries);
      throw error;
    });
    if (greeting) return greeting;
    const said = log.tail(offset);
    if (/pre-existing shared memory block/.test(said) && spawns < SPAWNS_MAX) {
      await endOrphans(identity.clusterName);
      continue;
    }
    const failure = explain(
      data.dir,
      'starting',
      new Error(said || `postgres did not start (exit code ${child.exitCode})`),
    );
    if (failure.code !== 'EMBEDDED_PORT_TAKEN') throw failure;
    if (options.port || spawns >= SPAWNS_MAX) throw taken(port, failure);
  }
}

const taken = (port: number, cause?: unknown): EmbeddedError =>
  new EmbeddedError(
    'EMBEDDED_PORT_TAKEN',
    `port ${port} is taken by another program: stop that program or give embedded Postgres another port`,
    { cause },
  );

function handle(place: Place, options: EmbeddedOptions, { pid, port }: Greeting, adopted: boolean): Embedded {
  const { data, log, identity, notes, password } = place;
  const user = Presence.enter(data.users);
  log.watch();
  let stopping: Promise<void> | undefined;
  const release = (): void => {
    log.unwatch();
    try {
      user.leave();
    } catch {
      // On a disk that can no longer be written our entry stays, and is dead when we are.
    }
  };
  const stop = async (): Promise<void> => {
    release();
    const waitMsMax = options.stopTimeoutMs ?? STOP_MS;
    const shutDown = async (): Promise<void> => {
      if (present(data.users).length > 0 || !isServer(pid, identity)) return;
      if (!(await stopPostmaster(pid, identity, waitMsMax, place.binaries))) {
        throw new EmbeddedError('EMBEDDED_TIMEOUT', `embedded Postgres (process ${pid}) did not stop`);
      }
    };
    const turn = await exclusively(data.turn, waitMsMax, async () => shutDown()).catch((error: unknown) => {
      if (error instanceof EmbeddedError) throw error;
      return undefined;
    });
    // Neither a stuck neighbour nor a full disk keeps the server from being stopped.
    if (!turn) await shutDown();
  };
  return {
    url: (database, role = { name: USER, password }) =>
      typeof role === 'string'
        ? connectionUrl(port, role, password, database)
        : connectionUrl(port, role.name, role.password, database),
    port,
    pid,
    adopted,
    notes,
    release,
    stop: () => (stopping ??= stop()),
  };
}

const connectionUrl = (port: number, user: string, password: string, database: string): string =>
  `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
