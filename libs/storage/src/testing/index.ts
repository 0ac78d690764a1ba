export { storageConformance } from './conformance';
export { spawnTypeScript } from './spawn-typescript';
export type { TypeScriptChild } from './spawn-typescript';
