import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { assertGuarded } from '../front-door/binding';
import { main as migrate } from '../migrate/main';
import { roleName } from '../migrate/roles';
import { planPorts } from '../start/ports';
import { DATABASE_SERVICES, SERVICES, WORKSPACE_ROOT } from '../start/services';
import { type ComposeService, namedVolume, readCompose, variablesOf } from './compose';

const FILE = path.join(WORKSPACE_ROOT, 'docker-compose.yml');
const text = fs.readFileSync(FILE, 'utf8');
const PASSWORD = 'Secret123';
const compose = readCompose(text, { POSTGRES_PASSWORD: PASSWORD });
/** Every variable by which a service learns whom to let in. */
const CREDENTIALS = /^(AUTH|INGEST_AUTH|TASK_AUTH|JWT|OIDC|IAP)_|_TOKEN$|^WEBHOOK_SOURCES$/;
/** As one sets them who lets others in. */
const OPEN = {
  ...{ POSTGRES_PASSWORD: PASSWORD, FRONT_DOOR_HOST: '0.0.0.0', AUTH_MODE: 'key', INGEST_AUTH_MODE: 'token,key' },
  ...{ ADMIN_TOKEN: 'a'.repeat(32), INGEST_TOKEN: 'i'.repeat(32), TASK_AUTH_MODE: 'token', TASK_TOKEN: 't'.repeat(32) },
};
const service = (name: string, of = compose): ComposeService => {
  const found = of.services[name];
  if (!found) throw new Error(`docker-compose.yml has no ${name}`);
  return found;
};
const ours = [...SERVICES.map(({ name }) => name), 'front-door', 'migrate'];
const ports = planPorts({}, { workers: 1 });

/** What an app's compiled config makes of an environment: apps are programs to us, not modules. */
interface Configured {
  readonly problems: readonly string[];
  readonly variables: readonly string[];
  readonly portDefault: string;
  readonly shutdownDefault: string;
  readonly host: string;
}
const READ_CONFIGS = `
const { parseConfig } = require('@millrace/service');
const answer = Object.entries(JSON.parse(process.argv[1])).map(([app, env]) => {
  const { config } = require('./apps/' + app + '/dist/config.js');
  const { port, shutdownMsMax } = config.fields;
  const result = { variables: Object.values(config.fields).flatMap((field) => field.env), portDefault: port.defaultText, shutdownDefault: shutdownMsMax.defaultText };
  try { return [app, { ...result, problems: [], host: parseConfig(config, env).host }]; }
  catch (error) { return [app, { ...result, problems: error.problems ?? [String(error)], host: '' }]; }
});
console.log(JSON.stringify(Object.fromEntries(answer)));`;
let configured: Record<string, Configured>;
/** The same where others are let in, and the services do not listen on loopback alone. */
let guarded: Record<string, Configured>;

beforeAll(() => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
  configured = readConfigs((name) => service(name).environment);
  const opened = readCompose(text, OPEN);
  guarded = readConfigs((name) => ({ ...service(name, opened).environment, HOST: '0.0.0.0' }));
}, 120_000);

function readConfigs(environmentOf: (name: string) => Readonly<Record<string, string>>): Record<string, Configured> {
  const environments = Object.fromEntries(SERVICES.map(({ name }) => [name, environmentOf(name)]));
  const output = execFileSync(process.execPath, ['-e', READ_CONFIGS, JSON.stringify(environments)], {
    cwd: WORKSPACE_ROOT,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  return JSON.parse(output) as Record<string, Configured>;
}

it('asks for a password and for nothing else', () => {
  expect(variablesOf(text)).toEqual(['POSTGRES_PASSWORD']);
  expect(() => readCompose(text, {})).toThrow('POSTGRES_PASSWORD is not set');
  expect(text).toContain('${POSTGRES_PASSWORD:?');
});

it('runs every service, the front door, the migrations, and Postgres', () => {
  expect(Object.keys(compose.services).sort()).toEqual([...ours, 'postgres', 'lake-owner'].sort());
});

describe.each(SERVICES)('$name', ({ name, portVariable }) => {
  it('starts with the environment that it is given, and reads all of it', () => {
    const { problems, variables, host } = configured[name] as Configured;
    expect(problems).toEqual([]);
    expect(host).toBe('127.0.0.1');
    expect(Object.keys(service(name).environment).filter((variable) => !variables.includes(variable))).toEqual([]);
    expect(variables).toContain(portVariable);
  });

  it('is given every variable that says whom to let in, where it is set', () => {
    const { variables, problems, host } = guarded[name] as Configured;
    const wanted = variables.filter((variable) => CREDENTIALS.test(variable)).sort();
    expect(wanted).toContain('AUTH_MODE');
    const all = readCompose(text, {
      ...Object.fromEntries(wanted.map((variable) => [variable, `of ${variable}`])),
      POSTGRES_PASSWORD: PASSWORD,
    });
    const given = Object.entries(service(name, all).environment).filter(([variable]) => CREDENTIALS.test(variable));
    expect(Object.fromEntries(given)).toEqual(Object.fromEntries(wanted.map((each) => [each, `of ${each}`])));
    expect([problems, host]).toEqual([[], '0.0.0.0']);
  });

  it('is asked for its health on the port that it listens on', () => {
    const port = Number(configured[name]?.portDefault);
    expect(port).toBe(ports.services[name][0]?.port);
    expect(service(name).healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${port}/readiness`);
  });

  it('may finish what it holds when it is told to stop', () => {
    const seconds = (value: string | undefined): number => Number(/^(\d+)s$/.exec(value ?? '')?.[1]);
    expect(seconds(service(name).stop_grace_period)).toBeGreaterThan(seconds(configured[name]?.shutdownDefault));
  });

  it('has its data on a volume', () => {
    // Master keys are kept apart from the lake, and only who seals has them.
    const holdsKeys = name === 'curation-worker' || name === 'ingest-gateway';
    expect(service(name).volumes.map(namedVolume)).toEqual(holdsKeys ? ['lake', 'keys'] : ['lake']);
    expect(service(name).volumes[0]?.split(':')[1]).toBe(service(name).environment['STORAGE_ROOT']);
    if (holdsKeys) expect(service(name).environment['MASTER_KEY_FILE']).toBe('/keys/master.json');
    expect(service('lake-owner').volumes).toEqual(expect.arrayContaining(service(name).volumes));
  });
});

describe.each(DATABASE_SERVICES)('$name', ({ name, schema }) => {
  it('logs in as its own role, to the server that is there', () => {
    const url = new URL(service(name).environment['DATABASE_URL'] as string);
    expect([url.username, url.password, url.hostname, url.pathname]).toEqual([
      roleName(schema),
      PASSWORD,
      '127.0.0.1',
      '/millrace',
    ]);
    expect(service('postgres').command).toContain(`port=${url.port}`);
  });
});

it('a service without a database is given none', () => {
  for (const { name } of SERVICES.filter(({ schema }) => schema === null))
    expect(service(name).environment['DATABASE_URL']).toBeUndefined();
});

it('the front door lets others in once it is told who may come, and not before', () => {
  expect(assertGuarded(service('front-door').environment)).toBe('127.0.0.1');
  expect(assertGuarded(service('front-door', readCompose(text, OPEN)).environment)).toBe('0.0.0.0');
  const open = readCompose(text, { POSTGRES_PASSWORD: PASSWORD, FRONT_DOOR_HOST: '0.0.0.0' });
  expect(() => assertGuarded(service('front-door', open).environment)).toThrow('AUTH_MODE and INGEST_AUTH_MODE');
  for (const name of Object.keys(OPEN)) expect(text).toContain(name);
});

it('the front door knows where each service listens', () => {
  const { environment, command } = service('front-door');
  expect(JSON.parse(environment['FRONT_DOOR_UPSTREAMS'] as string)).toEqual(
    Object.fromEntries(
      SERVICES.map(({ name }) => [name, ports.services[name].map(({ port }) => `http://127.0.0.1:${port}`)]),
    ),
  );
  expect(command).toEqual(['dist/front-door/main.js']);
  const source = ['main.ts', 'binding.ts']
    .map((file) => fs.readFileSync(path.join(WORKSPACE_ROOT, 'tools/src/front-door', file), 'utf8'))
    .join('');
  expect(Object.keys(environment).filter((variable) => !source.includes(`'${variable}'`))).toEqual([]);
});

it('the migrations are given what their usage names, a password for each role', async () => {
  const said: string[] = [];
  jest.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
  await migrate(['--help']);
  jest.restoreAllMocks();
  const known = said
    .join('\n')
    .match(/^ {2}[A-Z][A-Z_]+(?= )/gm)
    ?.map((name) => name.trim());
  const { environment } = service('migrate');
  expect(Object.keys(environment).filter((variable) => !known?.includes(variable))).toEqual([]);
  expect(Object.keys(environment)).toEqual([
    'DATABASE_ADMIN_URL',
    ...DATABASE_SERVICES.map(({ schema }) => `${schema.toUpperCase()}_DB_PASSWORD`),
  ]);
});

it('nothing is reachable from outside of the machine', () => {
  for (const name of [...ours, 'postgres']) {
    expect([name, service(name).network_mode, service(name).ports]).toEqual([name, 'host', undefined]);
  }
  expect(service('postgres').command).toContain('listen_addresses=127.0.0.1');
  for (const { name } of SERVICES) expect(service(name).environment['HOST']).toBe('127.0.0.1');
  expect(service('front-door').environment['HOST']).toBe('127.0.0.1');
});

it('every image is built by the one recipe, from a project whose program is there', () => {
  for (const name of ours) {
    const { build, command } = service(name);
    expect([name, build?.context, build?.dockerfile]).toEqual([name, '.', 'infra/docker/Dockerfile']);
    const entry = /dist\/[\w/-]+\.js/.exec(command?.join(' ') ?? 'dist/main.js')?.[0] as string;
    expect(fs.existsSync(path.join(WORKSPACE_ROOT, build?.args['APP'] as string, entry))).toBe(true);
  }
});

it('waits for what it needs, and names only volumes and services that are there', () => {
  for (const [name, { depends_on, volumes }] of Object.entries(compose.services)) {
    expect(Object.keys(depends_on).filter((other) => !compose.services[other])).toEqual([]);
    expect([name, volumes.map(namedVolume).filter((volume) => !volume || !compose.volumes.includes(volume))]).toEqual([
      name,
      [],
    ]);
    for (const [other, { condition }] of Object.entries(depends_on)) {
      if (condition === 'service_healthy') expect(service(other).healthcheck).toBeDefined();
      // What is started again and again never completes.
      if (condition === 'service_completed_successfully') expect(service(other).restart).toBeUndefined();
    }
  }
  for (const { name } of SERVICES) expect(service(name).depends_on).toHaveProperty('migrate');
});

it('the workflow builds the images that compose runs, and tests on the Node that they have', () => {
  const { jobs } = parse(fs.readFileSync(path.join(WORKSPACE_ROOT, '.github/workflows/ci.yml'), 'utf8')) as {
    jobs: Record<string, { strategy?: { matrix: Record<string, string[]> } }>;
  };
  const built = new Set(ours.map((name) => service(name).build?.args['APP']));
  expect(new Set(jobs['images']?.strategy?.matrix['app'])).toEqual(built);
  const { engines } = JSON.parse(fs.readFileSync(path.join(WORKSPACE_ROOT, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const dockerfile = fs.readFileSync(path.join(WORKSPACE_ROOT, 'infra/docker/Dockerfile'), 'utf8');
  expect(jobs['test']?.strategy?.matrix['node']).toEqual([
    engines.node.replace('>=', ''),
    /^ARG NODE=(\d+)$/m.exec(dockerfile)?.[1],
  ]);
});

const client = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' });
(client.status === 0 ? it : noClient)('Docker Compose takes it', () => {
  const { status, stderr } = spawnSync('docker', ['compose', '-f', FILE, 'config', '--quiet'], {
    encoding: 'utf8',
    env: { ...process.env, POSTGRES_PASSWORD: PASSWORD },
  });
  expect([status, stderr]).toEqual([0, '']);
});

function noClient(name: string): void {
  it(`${name}: not asked, there is no docker compose here`, () => {
    process.stderr.write('docker compose is not installed: docker-compose.yml was not shown to it\n');
    // The runners of the workflow have it.
    expect(process.env['GITHUB_ACTIONS']).toBeUndefined();
  });
}
