/** What a simulation of this service is made of: its own logic, and models of what it keeps. */
export { withAppendFailpoints } from '../capture/append-failpoints';
export { createAppend } from '../capture/append-span';
export { GroupCommit, type CommitTimers, type GroupCommitLimits } from '../capture/group-commit';
export { createCaptureHandlers, type HandlerDeps } from '../capture/handlers';
export type { Answer, CapturedRequest, CaptureHandler } from '../capture/http';
export { InboundSeal } from '../sealing/inbound-seal';
export { ContractSource } from '../contracts/strict-check';
export { MemoryIdempotencyStore } from '../idempotency/memory/store';
export type { WebhookSource } from '../webhooks/signature';
export { type IdempotencyStore, IdempotencyUnavailable } from '../idempotency/idempotency';
