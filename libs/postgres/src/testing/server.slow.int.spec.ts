import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isAlive } from '../embedded/processes';
import { sharedServer } from './server';

describe('servers for tests', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(path.join(os.tmpdir(), 'testing-'))));
  afterEach(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));

  it('leave nothing behind: an unused server stops and takes its folder along', async () => {
    const server = await sharedServer(false, 500, dir);
    const second = await sharedServer(false, 500, dir);
    expect(second).toMatchObject({ adopted: true, pid: server.pid });
    second.release();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(isAlive(server.pid)).toBe(true);
    server.release();
    const [home] = readdirSync(dir).filter((name) => name.startsWith('millrace-test'));
    for (let i = 0; i < 200 && readdirSync(path.join(dir, home)).length > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 0; i < 200 && isAlive(server.pid); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(path.join(dir, home, 'fast'))).toBe(false);
    const anew = await sharedServer(false, 500, dir);
    expect(anew.adopted).toBe(false);
    await anew.stop();
    // Its janitor still takes the folder away: the end of the test must not do so at the same time.
    for (let i = 0; i < 200 && readdirSync(path.join(dir, home)).length > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
