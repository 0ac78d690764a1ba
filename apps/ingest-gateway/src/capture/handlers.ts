import type { Clock, Random } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { IdempotencyStore } from '../idempotency/idempotency';
import { withKeyFailpoints } from '../idempotency/key-failpoints';
import { type Echo, type KeyedHandler, withIdempotency } from '../idempotency/with-idempotency';
import { createPushHandler, PUSH_ECHO } from '../pubsub/push';
import { createWebhookHandler, webhookRoute, whenSigned } from '../webhooks/webhook';
import { type BatchDeps, createBatchHandler } from './batch';
import type { CaptureDeps } from './capture';
import { createReception } from './reception';
import type { CaptureHandlers } from './routes';
import { createSingleHandler, SINGLE_ROUTE } from './single';

export interface HandlerDeps extends Pick<CaptureDeps, 'groupCommit'>, Pick<BatchDeps, 'strictCheck'> {
  readonly keys: IdempotencyStore;
  readonly sources: Parameters<typeof whenSigned>[0];
  readonly failpoint: Failpoint<'ingest-gateway'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the capture routes do, each under its Idempotency-Key; the same for the service and for a simulation of it. */
export function createCaptureHandlers(deps: HandlerDeps): CaptureHandlers {
  const { groupCommit, strictCheck, sources, failpoint, clock, random } = deps;
  const capture = { groupCommit, receive: createReception(() => clock.now()) };
  const keys = withKeyFailpoints(deps.keys, failpoint);
  const keyed = (route: Parameters<typeof withIdempotency>[1], handler: KeyedHandler, echo?: Echo) =>
    withIdempotency(keys, route, handler, echo);
  return {
    single: keyed(SINGLE_ROUTE, createSingleHandler({ ...capture, clock, random })),
    batch: keyed('POST /v1/events', createBatchHandler({ ...capture, strictCheck })),
    push: keyed('POST /api/v1/ingest_event', createPushHandler(capture), PUSH_ECHO),
    webhook: whenSigned(sources, clock, keyed(webhookRoute, createWebhookHandler(capture))),
  };
}
