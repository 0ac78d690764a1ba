import { isUtf8 } from 'node:buffer';
import { scan } from '@millrace/envelope';
import { assertHeadersSize, type CaptureDeps, store } from '../capture/capture';
import type { Answer, CapturedRequest } from '../capture/http';
import type { Echo } from '../idempotency/with-idempotency';
import { readPushEnvelope } from './push-envelope';

/**
 * `POST /api/v1/ingest_event`: one Pub/Sub push message. 200 acknowledges it to Pub/Sub, so it is sent after the event is
 * durable. Data that is no event is acknowledged too, and quarantined: sent again it would be no better.
 */
export function createPushHandler(deps: CaptureDeps): (request: CapturedRequest) => Promise<Answer> {
  return async (request) => {
    const { data, attributes } = readPushEnvelope(request.body);
    const headers = deps.receive(request, {
      format: 'pubsub',
      source: 'pubsub',
      attributes: JSON.stringify(attributes),
    });
    assertHeadersSize(headers, '$.message.attributes');
    await store(deps, [{ headers, value: data }]);
    return { status: 200, text: accepted(data) };
  };
}

const accepted = (data: Buffer): string => `{"status":"success","message_data":${asJson(data)}}`;

/** The data is repeated to who sent it, and not kept with the answer: it may be personal. */
export const PUSH_ECHO: Echo = {
  kept: (answer) => (answer.status === 200 ? { ...answer, text: '{"status":"success"}' } : answer),
  told: (answer, { body }) =>
    answer.status === 200 ? { ...answer, text: accepted(readPushEnvelope(body).data) } : answer,
};

/** The data as the sender may recognise it: JSON as it is, with every digit, other text as text, other bytes as base64. */
function asJson(data: Buffer): string {
  if (!isUtf8(data)) return JSON.stringify(data.toString('base64'));
  return scan(data).fault === null ? data.toString('utf8') : JSON.stringify(data.toString('utf8'));
}
