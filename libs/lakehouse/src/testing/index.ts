export { faultyStorage } from './faulty-storage';
export type { CommitFault, FaultyStorage } from './faulty-storage';
export { lakeForTests } from './lake';
export type { TestLake } from './lake';
