import { ProblemException } from '@millrace/service';
import { type CaptureDeps, createReception, store } from '../capture/capture';
import type { Answer, CapturedRequest } from '../capture/http';

/** Pub/Sub's push body (https://cloud.google.com/pubsub/docs/push); Eventarc sends the same under `ce-*` headers. */
interface PushMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * `POST /api/v1/ingest_event`: one Pub/Sub push message. 200 acknowledges it to Pub/Sub, so it is sent after the event
 * is durable. Data that is no event is acknowledged too, and quarantined: sent again it would be no better.
 */
export function createPushHandler(deps: CaptureDeps): (request: CapturedRequest) => Promise<Answer> {
  const receive = createReception(deps.now);
  return async (request) => {
    const message = readPush(request.body);
    const headers = receive(request, { format: 'pubsub', source: 'pubsub', attributes: message.attributes });
    await store(deps, [{ headers, value: message.data }]);
    return { status: 200, body: { status: 'success', message_data: shown(message.data) } };
  };
}

function readPush(body: Buffer): PushMessage {
  let envelope: { message?: unknown } | null;
  try {
    envelope = JSON.parse(body.toString('utf8')) as { message?: unknown } | null;
  } catch (error) {
    throw fault('$', 'json', `The push envelope is not JSON: ${(error as Error).message}`);
  }
  const message = typeof envelope === 'object' && envelope !== null ? envelope.message : undefined;
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw fault('$.message', 'required', 'A push envelope has a message object.');
  }
  const { data = '', attributes = {} } = message as { data?: unknown; attributes?: unknown };
  if (typeof data !== 'string' || !isBase64(data)) throw fault('$.message.data', 'base64', 'message.data is base64.');
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw fault('$.message.attributes', 'type', 'message.attributes is an object of strings.');
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value !== 'string') throw fault(`$.message.attributes.${name}`, 'type', 'A message attribute is a string.');
  }
  return { data: Buffer.from(data, 'base64'), attributes: attributes as Record<string, string> };
}

/** Standard and URL-safe alphabets, padded or not. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && text.replace(/=+$/, '').length % 4 !== 1;
}

/** The data as the sender may recognise it: JSON as JSON, other text as text, other bytes as base64. */
function shown(data: Buffer): unknown {
  const text = data.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return Buffer.from(text).equals(data) ? text : data.toString('base64');
  }
}

function fault(path: string, rule: string, detail: string): ProblemException {
  return new ProblemException(400, { detail, errors: [{ path, rule, detail }] });
}
