import type { Random } from '@millrace/observability';
import { KEY_BYTES } from '../cipher';
import type { MasterKeys } from '../master-keys';
import { wrappingBy } from '../wrapping';

export interface MemoryMasterKeys extends MasterKeys {
  /** Adds a master key, which wraps from now on. */
  rotate(): void;
}

/** Master keys that end with the process. */
export function createMemoryMasterKeys(random: Pick<Random, 'bytes'>): MemoryMasterKeys {
  const keys = new Map<string, Buffer>();
  let current = '';
  const rotate = (): void => {
    current = `m${keys.size + 1}`;
    keys.set(current, Buffer.from(random.bytes(KEY_BYTES)));
  };
  rotate();
  return { ...wrappingBy(async () => ({ current, keys }), random), rotate };
}
