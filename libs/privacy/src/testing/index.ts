import { systemRandom } from '@millrace/observability';
import { KeyError } from '../errors';
import type { MasterKeys } from '../master-keys';

export interface MasterKeysUnderTest {
  readonly master: MasterKeys;
  /** As another process sees the same keys. */
  readonly again: () => MasterKeys;
  /** Adds a master key, which wraps from now on. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

const codeOf = (task: Promise<unknown>): Promise<unknown> =>
  task.then(
    () => 'nothing thrown',
    (error: unknown) => (error instanceof KeyError ? error.code : error),
  );

/** Runs the master keys' promises against an engine. */
export function masterKeysConformance(name: string, make: () => Promise<MasterKeysUnderTest>): void {
  describe(`master keys: ${name}`, () => {
    let under: MasterKeysUnderTest;
    const key = Buffer.from(systemRandom.bytes(32));

    beforeEach(async () => void (under = await make()));
    afterEach(() => under.close());

    it('unwrap what they wrapped, in this process and in another', async () => {
      const wrapped = await under.master.wrap(key, 'a');
      expect(wrapped.bytes.includes(key)).toBe(false);
      expect(await under.master.unwrap(wrapped, 'a')).toEqual(key);
      expect(await under.again().unwrap(wrapped, 'a')).toEqual(key);
    });

    it('unwrap it under the same context only, and only unchanged', async () => {
      const wrapped = await under.master.wrap(key, 'a');
      expect(await codeOf(under.master.unwrap(wrapped, 'b'))).toBe('KEY_MISMATCH');
      const changed = Buffer.from(wrapped.bytes);
      changed[changed.length - 1] ^= 1;
      expect(await codeOf(under.master.unwrap({ ...wrapped, bytes: changed }, 'a'))).toBe('KEY_MISMATCH');
    });

    it('unwrap under older keys, and wrap under the newest', async () => {
      const old = await under.master.wrap(key, 'a');
      await under.rotate();
      const fresh = await under.master.wrap(key, 'a');
      expect(fresh.by).not.toBe(old.by);
      expect(await under.master.unwrap(old, 'a')).toEqual(key);
      expect(await under.again().unwrap(fresh, 'a')).toEqual(key);
    });

    it('say which key is missing', async () => {
      const wrapped = await under.master.wrap(key, 'a');
      expect(await codeOf(under.master.unwrap({ ...wrapped, by: 'unknown' }, 'a'))).toBe('KEY_MASTER_MISSING');
    });
  });
}
