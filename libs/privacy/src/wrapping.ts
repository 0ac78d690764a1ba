import type { Random } from '@millrace/observability';
import { open, seal } from './cipher';
import { KeyError } from './errors';
import type { MasterKeys } from './master-keys';

/** Master keys that are at hand, by name. */
export interface KeySet {
  readonly current: string;
  readonly keys: ReadonlyMap<string, Buffer>;
}

/** Wraps by AES-256-GCM under keys that `read` yields; it is asked each time, so that a changed set takes effect. */
export function wrappingBy(read: () => Promise<KeySet>, random: Pick<Random, 'bytes'>): MasterKeys {
  return {
    async wrap(key, context) {
      const { current, keys } = await read();
      return { by: current, bytes: seal(named(keys, current), key, about(context), random) };
    },
    async unwrap({ by, bytes }, context) {
      return open(named((await read()).keys, by), bytes, about(context));
    },
  };
}

const about = (context: string): string => `wrapped key: ${context}`;

function named(keys: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const key = keys.get(name);
  if (!key) throw new KeyError('KEY_MASTER_MISSING', `there is no master key "${name}"`);
  return key;
}

/** Where no master key is configured: whatever needs one waits, and says so. */
export const noMasterKeys = (advice: string): MasterKeys => ({
  wrap: () => Promise.reject(new KeyError('KEY_MASTER_MISSING', advice)),
  unwrap: () => Promise.reject(new KeyError('KEY_MASTER_MISSING', advice)),
});
