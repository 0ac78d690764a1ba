import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { type Received, TestGateway } from '../testing/gateway.client';
import { publishContracts } from '../testing/publish-contracts';
import { shipment } from '../testing/sample-events';

/* eslint-disable @typescript-eslint/no-explicit-any -- an OpenAPI document, of which any part may be looked at */
let gateway: TestGateway;
let document: any;
const ajv = new Ajv2020({ strict: false });
addFormats(ajv);

beforeAll(async () => {
  gateway = await TestGateway.start();
  await publishContracts(gateway.lake);
  document = (await gateway.request('GET', '/openapi.json')).json;
  ajv.addSchema(document, 'openapi');
});
afterAll(() => gateway?.stop());

const pointer = (...steps: string[]): string =>
  steps.map((s) => `/${encodeURIComponent(s.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

it('is an OpenAPI 3.1 document whose references lead somewhere', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/events', '/v1/events', '/api/v1/ingest_event', '/v1/webhooks/{source}']),
  );
  const references = JSON.stringify(document).match(/"#\/[^"]+"/g) ?? [];
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) {
    const found = reference
      .slice(3, -1)
      .split('/')
      .reduce((part, step) => part?.[step], document);
    expect([reference, typeof found]).toEqual([reference, 'object']);
  }
  const ids = Object.values<any>(document.paths)
    .map(({ post }) => post?.operationId)
    .filter(Boolean);
  expect(new Set(ids).size).toBe(ids.length);
});

const CE = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const SINGLE = { eventType: 'a', payload: {} };
const requests: [string, string, () => Promise<Received>, number][] = [
  ['/events', 'an event', () => gateway.postJson('/events', SINGLE), 201],
  ['/events', 'no event', () => gateway.postJson('/events', {}), 400],
  ['/events', 'another type', () => gateway.post('/events', 'a', { 'content-type': 'text/plain' }), 415],
  [
    '/events',
    'too large a body',
    () => gateway.post('/events', 'x'.repeat(2 << 20), { 'content-type': 'application/json' }),
    413,
  ],
  [
    '/v1/events',
    'a mixed batch',
    () => gateway.postJson('/v1/events?receipts=all', [shipment(1), null, { event_type: 'a', n: 1 }]),
    202,
  ],
  ['/v1/events', 'a mixed strict batch', () => gateway.postJson('/v1/events?strict=true', [shipment(1), null]), 207],
  ['/v1/events', 'a bad strict batch', () => gateway.postJson('/v1/events?strict=true', [null]), 400],
  [
    '/v1/events',
    'a binary CloudEvent',
    () => gateway.post('/v1/events', 'x', { ...CE, 'content-type': 'text/plain' }),
    202,
  ],
  [
    '/api/v1/ingest_event',
    'a push',
    () => gateway.postJson('/api/v1/ingest_event', { message: { data: 'e30=' } }),
    200,
  ],
  ['/api/v1/ingest_event', 'no push', () => gateway.postJson('/api/v1/ingest_event', {}), 400],
  ['/v1/webhooks/{source}', 'a webhook', () => gateway.postJson('/v1/webhooks/any', {}), 202],
  ['/v1/webhooks/{source}', 'a webhook that is no JSON', () => gateway.post('/v1/webhooks/any', 'x'), 202],
  ['/v1/webhooks/{source}', 'no source', () => gateway.postJson('/v1/webhooks/A', {}), 404],
];

it.each(requests)('what %s answers to %s is what the document says', async (path, _, send, status) => {
  const answer = await send();
  expect(answer.status).toBe(status);
  const described = document.paths[path].post.responses[String(status)];
  const type = (answer.headers.get('content-type') as string).split(';')[0];
  expect(Object.keys(described.content)).toContain(type);
  const validate = ajv.compile({
    $ref: `openapi#${pointer('paths', path, 'post', 'responses', String(status), 'content', type, 'schema')}`,
  });
  validate(answer.json);
  expect(validate.errors ?? []).toEqual([]);
});

it('documents every status that carries Retry-After with that header', () => {
  for (const route of ['/events', '/v1/events', '/api/v1/ingest_event', '/v1/webhooks/{source}']) {
    const { responses } = document.paths[route].post;
    for (const status of ['409', '503']) expect(responses[status].headers).toHaveProperty('Retry-After');
  }
});
