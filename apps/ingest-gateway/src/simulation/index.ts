/** What a simulation of this service is made of: its own logic, and models of what it keeps. */
export { withAppendFailpoints } from '../capture/append-failpoints';
export { createAppend } from '../capture/append-span';
export { createBatchHandler } from '../capture/batch';
export { GroupCommit, type CommitTimers, type GroupCommitLimits } from '../capture/group-commit';
export type { Answer, CapturedRequest, CaptureHandler } from '../capture/http';
export { createReception } from '../capture/reception';
export { createSingleHandler, SINGLE_ROUTE } from '../capture/single';
export { ContractSource } from '../contracts/strict-check';
export { MemoryIdempotencyStore } from '../idempotency/memory/store';
export { type IdempotencyStore, IdempotencyUnavailable } from '../idempotency/idempotency';
export { withKeyFailpoints } from '../idempotency/key-failpoints';
export { withIdempotency } from '../idempotency/with-idempotency';
export { createPushHandler } from '../pubsub/push';
export { createWebhookHandler, webhookRoute, whenSigned } from '../webhooks/webhook';
