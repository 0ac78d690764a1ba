import { existsSync } from 'node:fs';
import { storageConformance } from '../testing';
import { createMemoryStorage } from '.';

storageConformance('memory', async () => {
  const storage = createMemoryStorage();
  return { storage, dispose: async () => storage.clear() };
});

describe('memory storage', () => {
  it('shares no bytes with its callers', async () => {
    const storage = createMemoryStorage();
    const given = Buffer.from('abc');
    await storage.createIfAbsent('a', given);
    given.fill(0);
    (await storage.get('a')).fill(1);
    expect((await storage.get('a')).toString()).toBe('abc');
  });

  it('leaves no local file behind', async () => {
    const storage = createMemoryStorage();
    await storage.createIfAbsent('a.txt', Buffer.from('abc'));
    const file = await storage.localPath('a.txt');
    expect(existsSync(file)).toBe(true);
    storage.clear();
    expect(existsSync(file)).toBe(false);
  });
});
