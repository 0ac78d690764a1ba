/** What a simulation of this service is made of: its own logic, and models of what it keeps. */
export { conservation } from '../conservation/conservation';
export { MemoryReadModels } from '../projection/memory/read-models';
export { createProjections } from '../projection/projections';
export type { ReadModels } from '../projection/read-models';
export { trace, type Trace, type TraceDeps } from '../trace/trace';
