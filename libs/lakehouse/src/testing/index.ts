export { DELTA_READERS, deltaReaders, differences } from './delta-readers';
export type { DeltaDescription, DeltaReader, DeltaReaders } from './delta-readers';
export { faultyStorage } from './faulty-storage';
export type { CommitFault, FaultyStorage } from './faulty-storage';
export { lakeForTests } from './lake';
export type { TestLake } from './lake';
