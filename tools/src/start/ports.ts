import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { commandLine } from './process-identity';
import { SERVICES, type ServiceName } from './services';
import { StartError } from './start-error';

export const PORT_BASE_DEFAULT = 8080;

/** A port, and how a user would change it. */
export interface PlannedPort {
  readonly process: string;
  readonly port: number;
  /** The environment variable that moves it; null where none does: with --port-base, and for further workers. */
  readonly variable: string | null;
}

export interface PortPlan {
  readonly frontDoor: PlannedPort;
  readonly postgres: PlannedPort;
  /** One port per instance; only curation-worker has several. */
  readonly services: Readonly<Record<ServiceName, readonly PlannedPort[]>>;
}

export interface PortOptions {
  /** Given on the command line: everything moves, whatever the environment says. */
  readonly base?: number;
  readonly workers: number;
}

/** Which process listens where. Throws StartError for a value that is no port, or a port given twice. */
export function planPorts(env: NodeJS.ProcessEnv, { base, workers }: PortOptions): PortPlan {
  const at = (process: string, offset: number, variables: readonly string[]): PlannedPort => {
    if (base !== undefined) return { process, port: base + offset, variable: null };
    const variable = variables.find((name) => env[name] !== undefined && env[name] !== '');
    if (variable === undefined)
      return { process, port: PORT_BASE_DEFAULT + offset, variable: variables[variables.length - 1] ?? null };
    return { process, port: parsePort(variable, env[variable] as string), variable };
  };
  const services = Object.fromEntries(
    SERVICES.map(({ name, portVariable, portOffset }) => [
      name,
      Array.from({ length: name === 'curation-worker' ? workers : 1 }, (_, i) =>
        i === 0 ? at(name, portOffset, [portVariable]) : at(`${name}-${i + 1}`, 10 + i - 1, []),
      ),
    ]),
  ) as unknown as PortPlan['services'];
  const plan: PortPlan = {
    frontDoor: at('front-door', 0, ['PORT', 'FRONT_DOOR_PORT']),
    services,
    postgres: at('postgres', 9, ['POSTGRES_PORT']),
  };
  const seen = new Map<number, PlannedPort>();
  for (const planned of allPorts(plan)) {
    if (planned.port > 65_535)
      throw new StartError(
        `--port-base ${base} leaves no room for ${planned.process}: port ${planned.port} is above 65535.`,
      );
    const other = seen.get(planned.port);
    if (other)
      throw new StartError(
        `Port ${planned.port} is given to both ${other.process} (${other.variable}) and ${planned.process} (${planned.variable}).`,
      );
    seen.set(planned.port, planned);
  }
  return plan;
}

export const allPorts = (plan: PortPlan): PlannedPort[] => [
  plan.frontDoor,
  ...Object.values(plan.services).flat(),
  plan.postgres,
];

/** Throws one StartError that names every taken port, its variable and, where it can be told, its holder. */
export async function assertPortsFree(ports: readonly PlannedPort[], host: string): Promise<void> {
  const problems = (await Promise.all(ports.map((planned) => portProblem(planned, host)))).filter(
    (p): p is string => p !== null,
  );
  if (problems.length === 0) return;
  throw new StartError(
    `${problems.join('\n')}\nEnd the other program, or move all of Millrace with --port-base N (it uses N to N+9).`,
  );
}

async function portProblem(planned: PlannedPort, host: string): Promise<string | null> {
  const code = await tryListen(planned.port, host);
  if (code === null) return null;
  const change = planned.variable ? ` Change it with ${planned.variable}.` : '';
  if (code === 'EACCES') return `Port ${planned.port} of ${planned.process} may not be opened by this user.${change}`;
  if (code !== 'EADDRINUSE')
    return `Port ${planned.port} of ${planned.process} cannot be opened on ${host}: ${code}.${change}`;
  const pid = portHolder(planned.port);
  const command = pid === null ? null : commandLine(pid);
  const holder = pid === null ? '' : ` by pid ${pid}${command ? ` (${command.slice(0, 120)})` : ''}`;
  return `Port ${planned.port} of ${planned.process} is taken${holder}.${change}`;
}

function tryListen(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Pid of whoever listens on a TCP port of this machine; null when it cannot be told (another user's process, no lsof). */
export function portHolder(port: number): number | null {
  const inode = process.platform === 'linux' ? listeningInode(port) : null;
  if (inode) {
    const pid = inodeOwner(inode);
    if (pid !== null) return pid;
  }
  try {
    const out = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(out.split('\n')[0]) || null;
  } catch {
    return null;
  }
}

/** `/proc/net/tcp`: local address and port in hex, state 0A is LISTEN, field 9 the socket's inode. */
function listeningInode(port: number): string | null {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    try {
      for (const line of fs.readFileSync(table, 'utf8').split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/);
        if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A') return fields[9] as string;
      }
    } catch {
      // No such table: IPv6 is off.
    }
  }
  return null;
}

function inodeOwner(inode: string): number | null {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
        if (fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) return Number(pid);
      }
    } catch {
      // Another user's process, or one that ended meanwhile.
    }
  }
  return null;
}

function parsePort(variable: string, value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535)
    throw new StartError(`${variable} is ${JSON.stringify(value)}; it takes a port from 1 to 65535.`);
  return port;
}
