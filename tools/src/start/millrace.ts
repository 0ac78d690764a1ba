import fs from 'node:fs';
import path from 'node:path';
import { systemRandom } from '@millrace/observability';
import { assertGuarded } from '../front-door/binding';
import { migrateAll, type Migrated, type MigrateOptions } from '../migrate/migrate-all';
import { roleName } from '../migrate/roles';
import type { BackoffLimits } from './backoff';
import type { SupervisedChild } from './child-process';
import { type DataFolder, explainFolderError, openDataFolder, passwordsOf } from './data-folder';
import { endLeftovers } from './leftovers';
import { DataLock } from './lock';
import type { ChildLine } from './log-lines';
import type { StartOptions } from './options';
import { allPorts, assertPortsFree, type PlannedPort, planPorts, type PortPlan } from './ports';
import type { KeeperMessage } from './postgres-keeper';
import {
  COMPILED_TOOLS,
  DATABASE_SERVICES,
  serviceEntry,
  SERVICES,
  type ServiceName,
  WORKSPACE_ROOT,
} from './services';
import { childEnvironment, producerEnvironment } from './service-environment';
import { StartError } from './start-error';
import { type ServiceSpec, Supervisor } from './supervisor';

export interface MillraceSetting {
  readonly env: NodeJS.ProcessEnv;
  /** Aborted to stop: what was started is stopped, and the start rejects with the reason. */
  readonly signal: AbortSignal;
  /** The script of a service (default: the compiled app's). */
  readonly entryOf?: (service: ServiceName) => string;
  /** How soon what crashed is started again (default: RESTART_LIMITS). */
  readonly restart?: BackoffLimits;
  /** Where a service reaches Postgres, given where Postgres is (default: there). */
  readonly databaseUrl?: (url: string) => string;
  readonly onLine: (line: ChildLine) => void;
  readonly say: (text: string, level: 'info' | 'warn') => void;
}

/** A whole Millrace, running. */
export interface Millrace {
  readonly ports: PortPlan;
  readonly folder: DataFolder;
  /** The front door, without a trailing slash. */
  readonly url: string;
  /** Drains the front door, then the services (30 s together), then stops Postgres and gives the folder up. */
  stop(): Promise<void>;
  /** Ends the services at once and Postgres soon after; `stop` must have been called as well. */
  force(): void;
}

const DRAIN_MS_MAX = 30_000;
const FRONT_DOOR_DRAIN_MS_MAX = 5_000;
const POSTGRES_STOP_MS_MAX = 20_000;
const FORCED_POSTGRES_STOP_MS_MAX = 5_000;
const HOST = '127.0.0.1';
const GUARD = path.join(COMPILED_TOOLS, 'start', 'guard.js');
const ADMIN = 'postgres';

/**
 * Starts Postgres, migrates, starts every service and the front door, and resolves when all are ready. Rejects with
 * StartError for what the user can mend; nothing of it runs then.
 */
export async function startMillrace(options: StartOptions, setting: MillraceSetting): Promise<Millrace> {
  const { env, signal, onLine, say, entryOf = serviceEntry, databaseUrl = (own) => own } = setting;
  const ports = planPorts(env, {
    workers: options.workers,
    ...(options.portBase === undefined ? {} : { base: options.portBase }),
  });
  const url = `http://${HOST}:${ports.frontDoor.port}`;
  // Before anything runs: the front door itself would say so only once everything else does.
  assertGuarded(env);
  const folder = openDataFolder(options.dataDir);
  const lock = takeLock(folder, url);
  const supervisor = new Supervisor({
    onLine,
    say,
    random: () => systemRandom.next(),
    onChildren: (children) => noteChildren(lock, children),
    ...(setting.restart ? { limits: setting.restart } : {}),
  });
  const run: Running = {
    supervisor,
    lock,
    keeper: null,
    frontDoor: null,
    services: [],
    postgresPid: null,
    ended: null,
  };
  try {
    const ended = await endLeftovers(lock.leftovers);
    if (ended.length) say(`ended what the supervisor before had left running: ${ended.join(', ')}`, 'info');
    emptyFolder(folder.temporary);
    signal.throwIfAborted();
    // A Postgres of this folder may hold its port rightly, left by a killed supervisor: starting it tells.
    await assertPortsFree(
      allPorts(ports).filter((planned) => planned !== ports.postgres),
      HOST,
    );
    const passwords = passwordsOf(folder, [ADMIN, ...DATABASE_SERVICES.map(({ schema }) => roleName(schema))]);
    const adminUrl = await startPostgres(run, folder, ports.postgres, passwords[ADMIN] as string, env, signal);
    const { urls, applied } = await migrated(folder, { adminUrl, passwords, workers: options.workers, env });
    const news = Object.values(applied).flat().length;
    if (news) say(`applied ${news} migrations`, 'info');
    signal.throwIfAborted();
    const specs = serviceSpecs(ports, folder, mapped(urls, databaseUrl), env, entryOf);
    run.services = specs.map((spec) => supervisor.run(spec));
    const door = frontDoorSpec(ports, env);
    run.frontDoor = supervisor.run(door);
    await supervisor.ready([...specs, door], signal);
    return { ports, folder, url, stop: () => stopAll(run), force: () => forceAll(run) };
  } catch (error) {
    await stopAll(run);
    throw error;
  }
}

interface Running {
  readonly supervisor: Supervisor;
  readonly lock: DataLock;
  keeper: SupervisedChild | null;
  frontDoor: SupervisedChild | null;
  services: SupervisedChild[];
  postgresPid: number | null;
  ended: Promise<void> | null;
}

async function migrated(folder: DataFolder, options: MigrateOptions): Promise<Migrated> {
  try {
    return await migrateAll(options);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== 'POSTGRES_MIGRATION') throw error;
    throw new StartError(
      `The database in ${folder.root} does not fit this version of Millrace: ${message}.\nUse the version that wrote it, or another folder with --data DIR.`,
      { cause: error },
    );
  }
}

function takeLock(folder: DataFolder, url: string): DataLock {
  try {
    return DataLock.acquire(folder.root, { url });
  } catch (error) {
    throw error instanceof StartError ? error : explainFolderError(folder.root, error as NodeJS.ErrnoException);
  }
}

/** What is in it belonged to processes that are gone. It stays itself: it may be a disk of its own. */
function emptyFolder(dir: string): void {
  for (const name of fs.readdirSync(dir)) fs.rmSync(path.join(dir, name), { recursive: true, force: true });
}

function noteChildren(lock: DataLock, children: Parameters<DataLock['setChildren']>[0]): void {
  try {
    lock.setChildren(children);
  } catch {
    // On a full disk the record stays behind; it only serves whoever starts after a kill -9.
  }
}

async function startPostgres(
  run: Running,
  folder: DataFolder,
  planned: PlannedPort,
  password: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const news = await new Promise<KeeperMessage>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    run.keeper = run.supervisor.run(
      {
        name: 'postgres',
        entry: path.join(COMPILED_TOOLS, 'start', 'postgres-keeper.js'),
        cwd: WORKSPACE_ROOT,
        guard: GUARD,
        env: {
          ...env,
          POSTGRES_DATA_DIR: folder.postgres,
          POSTGRES_PORT: String(planned.port),
          POSTGRES_ADMIN_PASSWORD: password,
        },
      },
      (message) => {
        const told = message as KeeperMessage;
        // Also after a crash of it later on, when nobody waits for this any more.
        if (told.type === 'postgres-ready') run.postgresPid = told.pid;
        resolve(told);
      },
    );
  });
  if (news.type === 'postgres-ready') return news.adminUrl;
  if (news.code === 'EMBEDDED_PORT_TAKEN') await assertPortsFree([planned], HOST);
  throw new StartError(`Postgres does not start: ${news.message}`);
}

function mapped<K extends string>(
  urls: Readonly<Partial<Record<K, string>>>,
  change: (url: string) => string,
): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, change(url as string)])) as Partial<
    Record<K, string>
  >;
}

function serviceSpecs(
  ports: PortPlan,
  folder: DataFolder,
  urls: Readonly<Partial<Record<ServiceName, string>>>,
  env: NodeJS.ProcessEnv,
  entryOf: (service: ServiceName) => string,
): ServiceSpec[] {
  const frontDoor = `http://${HOST}:${ports.frontDoor.port}`;
  return SERVICES.flatMap(({ name, portVariable, ...service }) =>
    ports.services[name].map((planned) => ({
      name: planned.process,
      entry: entryOf(name),
      nodeOptions: 'nodeOptions' in service ? service.nodeOptions : [],
      cwd: WORKSPACE_ROOT,
      guard: GUARD,
      readinessUrl: `http://${HOST}:${planned.port}/readiness`,
      env: {
        ...childEnvironment(env),
        [portVariable]: String(planned.port),
        DATABASE_URL: urls[name],
        STORAGE_ROOT: folder.lake,
        MASTER_KEY_FILE: env['MASTER_KEY_FILE'] ?? path.join(folder.keys, 'master.json'),
        // Scratch files go to the disk that the user chose, not to a small /tmp.
        TMPDIR: folder.temporary,
        // A producer like any other: it comes in by the front door.
        ...(name === 'event-generator' && producerEnvironment(env, frontDoor)),
      },
    })),
  );
}

function frontDoorSpec(ports: PortPlan, env: NodeJS.ProcessEnv): ServiceSpec {
  const upstreams = Object.fromEntries(
    SERVICES.map(({ name }) => [name, ports.services[name].map(({ port }) => `http://${HOST}:${port}`)]),
  );
  return {
    name: 'front-door',
    entry: path.join(COMPILED_TOOLS, 'front-door', 'main.js'),
    cwd: WORKSPACE_ROOT,
    guard: GUARD,
    // Its readiness is that of all the others, which are asked themselves.
    readinessUrl: `http://${HOST}:${ports.frontDoor.port}/health`,
    env: {
      ...childEnvironment(env),
      FRONT_DOOR_PORT: String(ports.frontDoor.port),
      FRONT_DOOR_UPSTREAMS: JSON.stringify(upstreams),
    },
  };
}

function stopAll(run: Running): Promise<void> {
  run.ended ??= (async () => {
    const began = performance.now();
    if (run.frontDoor) await run.supervisor.stop([run.frontDoor], FRONT_DOOR_DRAIN_MS_MAX);
    await run.supervisor.stop(run.services, DRAIN_MS_MAX - (performance.now() - began));
    if (run.keeper) await run.supervisor.stop([run.keeper], POSTGRES_STOP_MS_MAX);
    run.lock.release();
  })();
  return run.ended;
}

function forceAll(run: Running): void {
  run.supervisor.kill([...(run.frontDoor ? [run.frontDoor] : []), ...run.services]);
  const { keeper, postgresPid } = run;
  if (!keeper) return;
  keeper.kill('SIGTERM');
  setTimeout(() => {
    if (!keeper.record) return;
    // Immediate shutdown: the next start replays the database's log, as after a crash.
    if (postgresPid !== null) signalQuietly(postgresPid, 'SIGQUIT');
    keeper.kill('SIGKILL');
  }, FORCED_POSTGRES_STOP_MS_MAX).unref();
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is down already.
  }
}
