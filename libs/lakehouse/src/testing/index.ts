export { lakeForTests } from './lake';
export type { TestLake } from './lake';
