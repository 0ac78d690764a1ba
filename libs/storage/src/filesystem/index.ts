export { createFilesystemStorage } from './filesystem-storage';
export type { FilesystemStorage, FilesystemStorageOptions } from './filesystem-storage';
export { toStorageError } from './errors';
