export * from './port';
export { newAppendId } from './append-id';
export { APPEND_LIMITS, type AppendLimits } from './placement';
export { deliveryWork, MESSAGING_SYSTEM, type MessageWork, traceWork } from './trace-work';
export { systemTimers, type Timers } from './timers';
