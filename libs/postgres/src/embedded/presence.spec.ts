import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { exclusively, Presence, present } from './presence';
import { isAlive, startMark } from './processes';

describe('presence', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'presence-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const dead = (): number => spawnSync(process.execPath, ['-e', '']).pid;

  it('sees the living, forgets the dead and those whose number another process got', () => {
    const me = Presence.enter(dir);
    writeFileSync(path.join(dir, `${dead()}.0.aa`), '');
    if (startMark(process.pid) !== '0') writeFileSync(path.join(dir, `${process.pid}.1.bb`), '');
    expect(me.others()).toEqual([]);
    const other = Presence.enter(dir);
    expect(me.others()).toEqual([other.name]);
    other.leave();
    me.leave();
    expect(readdirSync(dir)).toEqual([]);
    expect(present(path.join(dir, 'absent'))).toEqual([]);
  });

  it('lets one in at a time, and all in the end', async () => {
    let inside = 0;
    const order: number[] = [];
    const enter = (n: number): Promise<unknown> =>
      exclusively(dir, 20_000, async () => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(n);
        inside--;
      });
    await Promise.all(Array.from({ length: 12 }, (_, n) => enter(n)));
    expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it('passes over one that was killed inside, and says when its turn does not come', async () => {
    writeFileSync(path.join(dir, `${dead()}.0.aa`), '');
    expect(await exclusively(dir, 1_000, async () => 'in')).toEqual({ value: 'in' });
    const holder = Presence.enter(dir);
    expect(await exclusively(dir, 100, async () => 'in')).toBeUndefined();
    holder.leave();
    await expect(exclusively(dir, 100, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('knows a process that ended', () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(isAlive(dead())).toBe(false);
  });
});
