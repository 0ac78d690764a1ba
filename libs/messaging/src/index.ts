export * from './port';
export { newAppendId } from './append-id';
export { APPEND_LIMITS, type AppendLimits } from './placement';
export { systemTimers, type Timers } from './timers';
