/** What OpenAPI says of the capture routes, which are raw and describe themselves nowhere else. */
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { type: 'object' } } },
});
const json = (description: string, properties: object) => ({
  description,
  content: { 'application/json': { schema: { type: 'object', properties } } },
});

const refusals = {
  '400': problem('The request is none: malformed JSON, a broken rule. `errors` names path and rule.'),
  '409': problem('The first request under this Idempotency-Key is under way.'),
  '413': problem('Over a limit: 1 MiB an event, 16 MiB or 10,000 events a batch.'),
  '415': problem('Unknown content type.'),
  '422': problem('This Idempotency-Key was used with another request.'),
  '503': problem('Not stored, or unknown whether stored; repeat after Retry-After with the same ids.'),
};

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 255 },
};
const flag = (name: string, values: string[], description: string) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: { type: 'string', enum: values },
});

const item = {
  type: 'object',
  properties: {
    index: { type: 'integer' },
    eventId: { type: ['string', 'null'] },
    status: { enum: ['accepted', 'quarantined', 'refused'] },
    error: {
      type: 'object',
      properties: { path: { type: 'string' }, rule: { type: 'string' }, detail: { type: 'string' } },
    },
  },
};
const receipt = {
  accepted: { type: 'integer' },
  quarantined: { type: 'integer' },
  items: { type: 'array', items: item },
};
const anything = { schema: {} };

export const CAPTURE_PATHS = {
  '/events': {
    post: {
      summary: 'Take in one event',
      tags: ['capture'],
      parameters: [idempotencyKey],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['eventType', 'payload'],
              properties: {
                eventType: { type: 'string', minLength: 1, maxLength: 100 },
                payload: { type: 'object' },
                metadata: { type: 'object' },
              },
            },
          },
        },
      },
      responses: {
        '201': json('Durable.', { success: { const: true }, eventId: { type: 'string' }, message: { type: 'string' } }),
        ...refusals,
      },
    },
  },
  '/v1/events': {
    post: {
      summary: 'Take in one event or many',
      description: 'Every item of a well-formed request is kept; what is no event is reported and quarantined.',
      tags: ['capture'],
      parameters: [
        idempotencyKey,
        flag('receipts', ['all'], 'List every item with its event id, not only what was not accepted.'),
        flag('strict', ['true'], 'Check the contract at once and refuse, keep nothing of, items that break it.'),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': anything,
          'application/x-ndjson': anything,
          'application/cloudevents+json': anything,
          'application/cloudevents-batch+json': anything,
        },
      },
      responses: {
        '202': json('Durable.', receipt),
        '207': json('Under strict: some items were refused.', { ...receipt, refused: { type: 'integer' } }),
        ...refusals,
      },
    },
  },
  '/api/v1/ingest_event': {
    post: {
      summary: 'Take in a Pub/Sub push message',
      tags: ['capture'],
      requestBody: { required: true, content: { 'application/json': anything } },
      responses: { '200': json('Durable.', { status: { const: 'success' }, message_data: {} }), ...refusals },
    },
  },
  '/v1/webhooks/{source}': {
    post: {
      summary: 'Take in a webhook',
      tags: ['capture'],
      parameters: [{ name: 'source', in: 'path', required: true, schema: { type: 'string' } }, idempotencyKey],
      requestBody: { required: true, content: { 'application/json': anything } },
      responses: { '202': json('Durable.', receipt), '401': problem('The signature does not hold.'), ...refusals },
    },
  },
};
