import { KEY_CHARS_MAX } from '../idempotency/key';
import { BATCH_BYTES_MAX, BATCH_ITEMS_MAX, EVENT_BYTES_MAX } from './limits';

/** What OpenAPI says of the capture routes, which are raw and describe themselves nowhere else. */
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } });
const retryAfter = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } };
const problem = (description: string, headers = {}) => ({
  description,
  headers,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});

const REFUSALS = {
  '400': problem('The request is none: malformed JSON, a broken rule. `errors` names path and rule.'),
  '409': problem('The first request under this Idempotency-Key is under way.', retryAfter),
  '413': problem(
    `Over a limit: ${EVENT_BYTES_MAX} bytes an event, ${BATCH_BYTES_MAX} bytes or ${BATCH_ITEMS_MAX} items a batch.`,
  ),
  '415': problem('Unknown content type, charset or content coding.'),
  '422': problem('This Idempotency-Key was used with another request.'),
  '503': problem('Not stored, or, where it says so, unknown whether stored. Repeat with the same ids.', retryAfter),
};

const key = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key and request again is answered as the first time, and its events are the same events.',
  schema: { type: 'string', maxLength: KEY_CHARS_MAX },
};
const flag = (name: string, values: readonly string[], description: string) => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string', enum: values },
});
const post = (operation: object) => ({ post: { tags: ['capture'], ...operation } });

const count = { type: 'integer', minimum: 0 };
const text = { type: 'string' };

const SCHEMAS = {
  Problem: {
    description: 'Problem details (RFC 9457).',
    type: 'object',
    required: ['type', 'title', 'status'],
    properties: {
      type: text,
      title: text,
      status: { type: 'integer' },
      detail: text,
      instance: text,
      requestId: text,
      errors: { type: 'array', items: ref('Fault') },
    },
  },
  Fault: {
    type: 'object',
    required: ['path', 'rule', 'detail'],
    properties: {
      path: { ...text, description: 'JSON path, or query.…, header.…, params.…' },
      rule: text,
      detail: text,
    },
  },
  NewEvent: {
    type: 'object',
    required: ['eventType', 'payload'],
    properties: {
      eventType: { type: 'string', minLength: 1, maxLength: 100 },
      payload: { type: 'object' },
      metadata: { type: ['object', 'null'] },
    },
  },
  NewEventAnswer: {
    type: 'object',
    required: ['success', 'eventId', 'message'],
    additionalProperties: false,
    properties: { success: { const: true }, eventId: { type: 'string', format: 'uuid' }, message: text },
  },
  Receipt: {
    type: 'object',
    required: ['index', 'eventId', 'status'],
    additionalProperties: false,
    properties: {
      index: count,
      eventId: { type: ['string', 'null'] },
      status: { enum: ['accepted', 'quarantined', 'refused'] },
      error: ref('Fault'),
    },
  },
  Receipts: {
    type: 'object',
    required: ['accepted', 'quarantined', 'items'],
    additionalProperties: false,
    properties: {
      accepted: count,
      quarantined: count,
      refused: { ...count, description: 'Under strict: items that were not kept.' },
      items: { type: 'array', items: ref('Receipt') },
    },
  },
  Event: { description: 'An envelope, a flat event, or a structured CloudEvent.', type: 'object' },
  PushEnvelope: {
    type: 'object',
    required: ['message'],
    properties: {
      message: {
        type: 'object',
        properties: {
          data: { type: ['string', 'null'], contentEncoding: 'base64' },
          attributes: { type: ['object', 'null'], additionalProperties: text },
        },
      },
      subscription: text,
    },
  },
  PushAnswer: {
    type: 'object',
    required: ['status', 'message_data'],
    additionalProperties: false,
    properties: { status: { const: 'success' }, message_data: {} },
  },
};

const events = { oneOf: [ref('Event'), { type: 'array', items: ref('Event') }] };

export const CAPTURE_OPENAPI = {
  components: { schemas: SCHEMAS },
  paths: {
    '/events': post({
      summary: 'Take in one event',
      operationId: 'createEvent',
      parameters: [key],
      requestBody: { required: true, content: { 'application/json': { schema: ref('NewEvent') } } },
      responses: { '201': json('Durable.', ref('NewEventAnswer')), ...REFUSALS },
    }),
    '/v1/events': post({
      summary: 'Take in one event or many',
      operationId: 'createEvents',
      description:
        'Every item of a well-formed request is kept; what is no event is reported and quarantined. A CloudEvent in ' +
        'binary mode (`ce-*` headers) may have any content type.',
      parameters: [
        key,
        flag('receipts', ['all', 'faults'], 'all: list every item with its event id, not only what was not accepted.'),
        flag('strict', ['true', 'false'], 'true: check contracts at once and refuse items that break them.'),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: events },
          'application/x-ndjson': { schema: text },
          'application/cloudevents+json': { schema: ref('Event') },
          'application/cloudevents-batch+json': { schema: { type: 'array', items: ref('Event') } },
        },
      },
      responses: {
        '202': json('Durable.', ref('Receipts')),
        '207': json('Under strict: some items were refused, the others are durable.', ref('Receipts')),
        ...REFUSALS,
      },
    }),
    '/api/v1/ingest_event': post({
      summary: 'Take in a Pub/Sub push message',
      operationId: 'pushEvent',
      description: 'Also as Eventarc sends it. Data that is no event is acknowledged and quarantined.',
      parameters: [key],
      requestBody: { required: true, content: { 'application/json': { schema: ref('PushEnvelope') } } },
      responses: { '200': json('Durable.', ref('PushAnswer')), ...REFUSALS },
    }),
    '/v1/webhooks/{source}': post({
      summary: 'Take in a webhook',
      operationId: 'receiveWebhook',
      parameters: [{ name: 'source', in: 'path', required: true, schema: { type: 'string', maxLength: 64 } }, key],
      requestBody: { content: { '*/*': { schema: {} } } },
      responses: {
        '202': json('Durable.', ref('Receipts')),
        '401': problem('The signature does not hold.'),
        '404': problem('This is no name of a source.'),
        ...REFUSALS,
      },
    }),
  },
};
