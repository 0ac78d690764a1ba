import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Crash, createFailpoints, InjectedFailure, noFailpoints, PLACES } from './index';

const failing = (setting: string) => createFailpoints('table-manager', setting);

it('does nothing, by one function that is shared, when nothing is planned', () => {
  expect(failing('')).toBe(noFailpoints);
  expect(failing('curation-worker/after-claims=crash')).toBe(noFailpoints);
  expect(noFailpoints()).toBeUndefined();
});

it('acts at its pass and at no other', async () => {
  const failpoint = failing(
    'table-manager/planned=error@2, table-manager/cursor-moved=error\ntable-manager/received=error@*',
  );
  await failpoint('planned');
  await expect(async () => failpoint('planned')).rejects.toThrow(InjectedFailure);
  await failpoint('planned');
  await expect(async () => failpoint('cursor-moved')).rejects.toThrow('failpoint table-manager/cursor-moved');
  await failpoint('cursor-moved');
  for (let pass = 0; pass < 3; pass++) await expect(async () => failpoint('received')).rejects.toThrow(InjectedFailure);
  await failpoint('outbox-appended');
});

it('acts at one of many, or at the first of all', async () => {
  const one = failing('table-manager/committed:clean.events=error');
  await one('committed', 'ops.fates');
  await expect(async () => one('committed', 'clean.events')).rejects.toThrow('committed:clean.events');
  const any = failing('table-manager/committed=error@2');
  await any('committed', 'ops.fates');
  await expect(async () => any('committed', 'clean.events')).rejects.toThrow('committed:clean.events');
});

it('waits, and crashes as it is told to', async () => {
  const waited: number[] = [];
  const options = {
    sleep: async (ms: number) => waited.push(ms),
    crash: (place: string) => {
      throw new Crash(place);
    },
  };
  const failpoint = createFailpoints('analytics-api', 'analytics-api/fates-counted=delay:25', options);
  await failpoint('fates-counted');
  expect(waited).toEqual([25]);
  const crashing = createFailpoints('analytics-api', 'analytics-api/fates-counted=crash', options);
  await expect(async () => crashing('fates-counted')).rejects.toThrow(Crash);
});

it.each([
  'planned=crash',
  'table-manager/planned=explode',
  'table-manager/planned=crash@x',
  'table-manager/planned=delay',
  'table-manager/no-such-place=crash',
  'no-such-service/planned=crash',
])('refuses %s', (text) => expect(() => failing(text)).toThrow(/failpoint/));

describe('a folder', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-failpoints-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('plans for one process, and keeps what was done', async () => {
    writeFileSync(path.join(folder, 'table-manager.plan'), 'table-manager/planned=error');
    const first = failing(`folder:${folder}`);
    expect(failing(`folder:${folder}`)).toBe(noFailpoints);
    await expect(async () => first('planned')).rejects.toThrow(InjectedFailure);
    expect(readdirSync(folder)).toEqual(['table-manager.done']);
    expect(readFileSync(path.join(folder, 'table-manager.done'), 'utf8')).toBe('table-manager/planned error\n');
  });
});

it('has no place twice in a service', () => {
  for (const places of Object.values(PLACES)) expect(new Set(places).size).toBe(places.length);
});
