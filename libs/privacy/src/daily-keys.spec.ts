import { systemRandom } from '@millrace/observability';
import { createMemoryStorage } from '@millrace/storage/memory';
import { open, seal } from './cipher';
import { DailyKeys } from './daily-keys';
import { createMemoryMasterKeys } from './memory';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 21, 12);

function world() {
  const clock = { at: NOON, now: () => clock.at };
  const storage = createMemoryStorage();
  const master = createMemoryMasterKeys(systemRandom);
  /** As one service has them. */
  const service = (): DailyKeys => new DailyKeys({ storage, master, clock, random: systemRandom });
  return { clock, storage, master, service };
}

it('services that need a day at once share its one key', async () => {
  const { service } = world();
  const services = Array.from({ length: 10 }, service);
  const keys = await Promise.all(services.map((each) => each.forToday()));
  expect(new Set(keys.map(({ id, key }) => id + key.toString('hex'))).size).toBe(1);
  expect(await service().find(keys[0].id)).toEqual(keys[0]);
});

it('at midnight the next key is taken, and what was sealed before it is still opened', async () => {
  const { clock, service } = world();
  const [gateway, curation] = [service(), service()];
  await gateway.prepare();
  const before = await gateway.forToday();
  expect(gateway.atHand()).toEqual(before);
  const sealed = seal(before.key, Buffer.from('before'), before.id, systemRandom);
  clock.at = Date.UTC(2026, 10, 22);
  expect(gateway.atHand()).toBeNull();
  const after = await gateway.forToday();
  expect([before.id, after.id]).toEqual(['d2026-11-21', 'd2026-11-22']);
  expect(after.key.equals(before.key)).toBe(false);
  const found = await curation.find(before.id);
  expect(open(found?.key as Buffer, sealed, before.id).toString()).toBe('before');
});

it('tomorrow is prepared today, so that nobody waits for storage at midnight', async () => {
  const { clock, storage, service } = world();
  const gateway = service();
  await gateway.prepare();
  storage.get = () => Promise.reject(new Error('storage is away'));
  clock.at += DAY_MS;
  expect((await gateway.forToday()).id).toBe('d2026-11-22');
});

it('a destroyed key is gone everywhere once others forget it', async () => {
  const { service } = world();
  const [one, other] = [service(), service()];
  const { id } = await one.forToday();
  await other.find(id);
  await one.destroy('2026-11-21');
  expect(await one.find(id)).toBeNull();
  other.forget();
  expect(await other.find(id)).toBeNull();
  expect(await one.days()).toEqual([]);
});

it('a key that another process destroys is forgotten within minutes, without being told', async () => {
  const { clock, service } = world();
  const [one, other] = [service(), service()];
  const { id } = await other.forToday();
  clock.at += DAY_MS;
  expect(await other.find(id)).not.toBeNull();
  await one.destroy('2026-11-21');
  clock.at += 600_000;
  expect(await other.find(id)).toBeNull();
});

it('an absent key is looked for again: it may have been put back', async () => {
  const { clock, storage, service } = world();
  const [one, other] = [service(), service()];
  const { id, key } = await one.forToday();
  const file = await storage.get('keys/daily/2026-11-21.json');
  await storage.delete('keys/daily/2026-11-21.json');
  expect(await other.find(id)).toBeNull();
  await storage.createIfAbsent('keys/daily/2026-11-21.json', file);
  clock.at += 20_000;
  expect((await other.find(id))?.key).toEqual(key);
});

it('storage that is away is no absent key', async () => {
  const { storage, service } = world();
  const { id } = await service().forToday();
  storage.get = () => Promise.reject(new Error('storage is away'));
  await expect(service().find(id)).rejects.toThrow('storage is away');
});

it('lists its days, the oldest first, and knows no other ids', async () => {
  const { clock, storage, service } = world();
  const one = service();
  await one.prepare();
  clock.at -= 3 * DAY_MS;
  await one.forToday();
  await storage.put('keys/daily/notes.txt', Buffer.from('x'));
  expect((await one.days()).map(({ date }) => date)).toEqual(['2026-11-18', '2026-11-21', '2026-11-22']);
  expect(await one.find('s1')).toBeNull();
  expect(await one.find('d../../../etc')).toBeNull();
});
