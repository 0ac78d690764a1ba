import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { type Embedded, startEmbedded } from '@millrace/postgres/embedded';
import type { TaskRunner } from '../port';
import { eventually, pause, Target } from '../testing';
import { createPostgresTaskRunner, createPostgresTasks, migratePostgresTasks } from './index';

describe('tasks while Postgres is away', () => {
  it('says so, works on when it is back, and loses nothing', async () => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tasks-'));
    const target = await Target.listen();
    let server: Embedded = await startEmbedded({ dataDir });
    const port = server.port;
    const url = server.url('postgres');
    await migratePostgresTasks({ url });
    const tasks = createPostgresTasks({ url, origins: [target.origin] });
    const runner = createPostgresTaskRunner({
      url,
      origins: [target.origin],
      queues: { q: { concurrency: 4 } },
      pollMs: 50,
      leaseMs: 1_000,
      drainMsMax: 200,
    });
    try {
      await runner.start();
      target.answer = () => pause(20).then(() => 200);
      for (let i = 0; i < 60; i++) await tasks.enqueue({ queue: 'q', name: `n-${i}`, url: `${target.origin}/${i}` });
      process.kill(server.pid, 'SIGKILL');
      const refusals: string[] = [];
      // The backends notice in a moment that their server is gone.
      for (let i = 60; i < 80 || (refusals.length === 0 && i < 2_000); i++) {
        const n = Math.min(i, 79);
        await tasks
          .enqueue({ queue: 'q', name: `n-${n}`, url: `${target.origin}/${n}` })
          .catch((error) => refusals.push(error.code));
        await pause(5);
      }
      expect(new Set(refusals)).toEqual(new Set(['TASKS_UNAVAILABLE']));
      server.release();
      server = await startEmbedded({ dataDir, port });
      for (let i = 60; i < 80; i++) await tasks.enqueue({ queue: 'q', name: `n-${i}`, url: `${target.origin}/${i}` });
      await eventually(() => new Set(target.calls.map((call) => call.url)).size === 80, 'all tasks', 30_000);
      await eventuallyEmpty(url);
    } finally {
      await runner.stop();
      await tasks.close();
      await server.stop();
      await target.close();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
    }
    const stranded = createPostgresTaskRunner({ url, origins: [target.origin], queues: { q: { concurrency: 1 } } });
    await expect(stranded.start()).rejects.toMatchObject({ code: 'TASKS_UNAVAILABLE', canRetry: true });
    await stranded.stop();
  });

  it('a runner stops in good order while it is away, and its successor takes over', async () => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tasks-'));
    const target = await Target.listen();
    let server: Embedded = await startEmbedded({ dataDir });
    const { port } = server;
    const url = server.url('postgres');
    await migratePostgresTasks({ url });
    const tasks = createPostgresTasks({ url, origins: [target.origin] });
    const runner = (): TaskRunner =>
      createPostgresTaskRunner({
        url,
        origins: [target.origin],
        queues: { q: { concurrency: 4 }, other: { concurrency: 2 } },
        pollMs: 50,
        leaseMs: 500,
        drainMsMax: 200,
      });
    try {
      target.answer = () => pause(5).then(() => 200);
      for (let i = 0; i < 100; i++) await tasks.enqueue({ queue: 'q', url: `${target.origin}/${i}` });
      const first = runner();
      await first.start();
      await eventually(() => target.calls.length > 10, 'some calls');
      process.kill(server.pid, 'SIGKILL');
      await pause(100);
      const began = performance.now();
      await first.stop();
      expect(performance.now() - began).toBeLessThan(30_000);
      server.release();
      server = await startEmbedded({ dataDir, port });
      const second = runner();
      await second.start();
      await eventually(() => new Set(target.calls.map((call) => call.url)).size === 100, 'all tasks', 30_000);
      await eventuallyEmpty(url);
      await second.stop();
    } finally {
      await tasks.close();
      await server.stop();
      await target.close();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
    }
  });

  async function eventuallyEmpty(url: string): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    let left = -1;
    for (let i = 0; i < 1_500 && left !== 0; i++) {
      left = (await client.query('SELECT count(*)::int AS n FROM tasks._private_jobs')).rows[0].n;
      await pause(20);
    }
    await client.end();
    expect(left).toBe(0);
  }
});
