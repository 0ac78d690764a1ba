export { createMemoryStorage } from './memory-storage';
export type { MemoryStorage, MemoryStorageOptions } from './memory-storage';
