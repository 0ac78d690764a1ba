import { randomBytes } from 'node:crypto';
import { digestOf } from '../digest';
import { Refusal } from '../refusal';
import { encodeKeyFile, type KeyEntry, keyFilePath } from './key-file';
import { mintKey } from './key-format';
import { KeyRing } from './key-ring';

const random = { bytes: (count: number) => randomBytes(count) };
const minted = (more: Partial<KeyEntry> = {}) => {
  const { id, key } = mintKey(random);
  const entry: KeyEntry = {
    ...{ id, tenant: 'a', roles: ['viewer'], hash: digestOf(key).toString('hex'), expiresAt: null },
    ...more,
  };
  return { key, entry };
};

function setUp() {
  const files = new Map<string, Buffer>();
  const state = { nowMs: 1_000_000, away: false, lists: 0 };
  const ring = new KeyRing({
    files: {
      get: async (path) => files.get(path) ?? Promise.reject(new Error('gone')),
      list: async function* (prefix, { startAfter = '' } = {}) {
        state.lists++;
        if (state.away) throw new Error('storage is away');
        for (const path of [...files.keys()].sort()) if (path.startsWith(prefix) && path > startAfter) yield { path };
      },
    },
    now: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    staleMsMax: 60_000,
  });
  const write = (version: number, ...keys: KeyEntry[]) =>
    files.set(keyFilePath(version), encodeKeyFile({ version, keys }));
  return { ring, files, state, write };
}

const ruleOf = (verdict: unknown) => (verdict instanceof Refusal ? [verdict.status, verdict.rule] : 'let in');

test('a key of the newest file is let in as whom it was made for; a key that the file lacks is not', async () => {
  const { ring, write } = setUp();
  const [a, b] = [minted(), minted({ tenant: 'b', roles: ['operator'] })];
  write(1, a.entry, b.entry);
  await ring.refresh();
  expect(ring.verify(b.key)).toMatchObject({
    kind: 'key',
    subject: `key:${b.entry.id}`,
    tenant: 'b',
    roles: ['viewer', 'operator'],
  });
  write(2, b.entry);
  await ring.refresh();
  expect(ruleOf(ring.verify(a.key))).toEqual([401, 'unknown']);
  expect(ring.verify(b.key)).toMatchObject({ tenant: 'b' });
  expect(ring.version).toBe(2);
});

test('a secret that is not the one that belongs to the id is refused', async () => {
  const { ring, write } = setUp();
  const { entry } = minted();
  write(1, { ...entry, hash: digestOf('another').toString('hex') });
  await ring.refresh();
  expect(ruleOf(ring.verify(minted().key))).toEqual([401, 'unknown']);
  expect(ruleOf(ring.verify('mlr_nonsense'))).toEqual([401, 'malformed']);
});

test('an expired key is refused at its time', async () => {
  const { ring, write, state } = setUp();
  const { key, entry } = minted({ expiresAt: new Date(1_000_500).toISOString() });
  write(1, entry);
  await ring.refresh();
  state.nowMs = 1_000_499;
  expect(ruleOf(ring.verify(key))).toBe('let in');
  state.nowMs = 1_000_500;
  expect(ruleOf(ring.verify(key))).toEqual([401, 'expired']);
});

test('without a look at storage for a minute no key is taken: one may have been revoked', async () => {
  const { ring, write, state } = setUp();
  const { key, entry } = minted();
  write(1, entry);
  expect(ruleOf(ring.verify(key))).toEqual([503, 'unavailable']);
  await ring.refresh();
  state.away = true;
  state.nowMs += 60_000;
  await expect(ring.refresh()).rejects.toThrow('away');
  expect(ruleOf(ring.verify(key))).toBe('let in');
  state.nowMs += 1;
  expect(ruleOf(ring.verify(key))).toEqual([503, 'unavailable']);
  expect(ring.ready()).toMatch('too long');
  state.away = false;
  await ring.refresh();
  expect(ruleOf(ring.verify(key))).toBe('let in');
});

test('a file that cannot be read changes nothing, and the next one heals it', async () => {
  const { ring, write, files } = setUp();
  const { key, entry } = minted();
  write(1, entry);
  await ring.refresh();
  for (const bad of ['', '{}', '{"version":2,"keys":[{"id":"x"}]}', '{"version":2,"keys":[null]}']) {
    files.set(keyFilePath(2), Buffer.from(bad));
    await expect(ring.refresh()).rejects.toThrow();
    expect(ruleOf(ring.verify(key))).toBe('let in');
  }
  write(3);
  await ring.refresh();
  expect(ruleOf(ring.verify(key))).toEqual([401, 'unknown']);
});

test('a call during a look gets a look that began after it', async () => {
  const { ring, write, state } = setUp();
  const { key, entry } = minted();
  const first = ring.refresh();
  write(1, entry);
  await Promise.all([first, ring.refresh(), ring.refresh(), ring.refresh()]);
  expect(ruleOf(ring.verify(key))).toBe('let in');
  expect(state.lists).toBe(2);
});

test('names of other files, and roles of a later version, mean nothing', async () => {
  const { ring, write, files } = setUp();
  const { key, entry } = minted({ roles: ['viewer', 'emperor' as never] });
  write(1, entry);
  files.set('keys/zzz.json', Buffer.from('x'));
  files.set('keys/00000000000000000009.json.tmp', Buffer.from('x'));
  await ring.refresh();
  expect(ring.verify(key)).toMatchObject({ roles: ['viewer'] });
});

test('uses are told once', async () => {
  const { ring, write } = setUp();
  const { key, entry } = minted();
  write(1, entry);
  await ring.refresh();
  ring.verify(key);
  ring.verify(minted().key);
  expect([...ring.takeUses()]).toEqual([[entry.id, 1_000_000]]);
  expect(ring.takeUses().size).toBe(0);
});
