export * from './port';
export { backoffMs } from './backoff';
export { allowlist, checkTask, type CheckedTask, LIMITS } from './check-task';
export type { Deliver, Delivery, DeliveryResult, Delivered } from './delivery';
