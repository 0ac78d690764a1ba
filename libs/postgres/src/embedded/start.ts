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
  readonly clusterName: string;
  readonly password: string;
  readonly notes: string[];
}

const USER = 'postgres';
const SPAWNS_MAX = 5;

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
    const started = await exclusively(data.turn, options.startTimeoutMs ?? 120_000, () => {
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
  return {
    data,
    log,
    account,
    binaries,
    doorway,
    notes,
    clusterName: data.clusterName(),
    password: data.password(options.password),
  };
}

/** The server that runs already, once it is ready. One that nobody uses and that has another port is shut down. */
async function findRunning(place: Place, options: EmbeddedOptions): Promise<Greeting | undefined> {
  const { data, clusterName } = place;
  const file = readPidFile(data.pgData);
  if (!file) return undefined;
  if (!isServer(file.pid, clusterName)) {
    await endOrphans(clusterName);
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
    const greeting = await greet(place, file.pid, options);
    if (greeting) return greeting;
  }
  await stopPostmaster(file.pid, clusterName, options.stopTimeoutMs ?? 20_000, place.binaries, data.pgData);
  return undefined;
}

const greet = (place: Place, pid: number, options: EmbeddedOptions): Promise<Greeting | undefined> =>
  awaitReady({
    pgData: place.data.pgData,
    clusterName: place.clusterName,
    url: (port) => connectionUrl(port, USER, place.password, 'postgres'),
    isAlive: () => isServer(pid, place.clusterName),
    waitMsMax: options.startTimeoutMs ?? 120_000,
  });

async function start(place: Place, options: EmbeddedOptions): Promise<Greeting> {
  const { data, log, clusterName } = place;
  const server = { ...place, pgData: data.pgData, pgDataName: place.doorway.directory(data.pgData) };
  const settings: Settings = { ...DEFAULT_SETTINGS, ...(supportsLz4(server) && LZ4_SETTINGS), ...options.settings };
  for (let spawns = 1; ; spawns++) {
    const port = options.port || (await pickPort(spawns === 1 ? data.lastPort : undefined));
    if (!(await isPortFree(port))) throw taken(port);
    writeSettings(data, { ...settings, port }, place.account);
    log.rotate();
    const offset = log.bytes;
    const child = spawnPostmaster(server);
    const exited = (): boolean => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    const greeting = await awaitReady({
      pgData: data.pgData,
      clusterName,
      url: (at) => connectionUrl(at, USER, place.password, 'postgres'),
      isAlive: () => (process.platform === 'win32' ? child.exitCode === null || child.exitCode === 0 : !exited()),
      waitMsMax: options.startTimeoutMs ?? 120_000,
    });
    if (greeting) return greeting;
    const said = log.tail(offset);
    if (/pre-existing shared memory block/.test(said) && spawns < SPAWNS_MAX) {
      await endOrphans(clusterName);
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
  const { data, log, clusterName, notes, password } = place;
  const user = Presence.enter(data.users);
  log.watch();
  let stopping: Promise<void> | undefined;
  const release = (): void => {
    user.leave();
    log.unwatch();
  };
  const stop = async (): Promise<void> => {
    release();
    const waitMsMax = options.stopTimeoutMs ?? 20_000;
    const shutDown = async (): Promise<void> => {
      if (present(data.users).length > 0 || !isServer(pid, clusterName)) return;
      if (!(await stopPostmaster(pid, clusterName, waitMsMax, place.binaries, data.pgData))) {
        throw new EmbeddedError('EMBEDDED_TIMEOUT', `embedded Postgres (process ${pid}) did not stop`);
      }
    };
    if (!(await exclusively(data.turn, waitMsMax, shutDown))) await shutDown();
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
