import { createHmac } from 'node:crypto';
import { decodeItem, TestGateway } from '../testing/gateway.client';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEWER = 'whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0';
const GITHUB_SECRET = "It's a Secret to Everybody";
const JSON_TYPE = { 'content-type': 'application/json' };

let gateway: TestGateway;
beforeAll(async () => {
  const sources = {
    clerk: { scheme: 'standard', secrets: [NEWER, SECRET] },
    github: { scheme: 'github', secrets: [GITHUB_SECRET] },
    stripe: { scheme: 'stripe', secrets: ['whsec_stripe_secret_value'] },
  };
  gateway = await TestGateway.start({ WEBHOOK_SOURCES: JSON.stringify(sources) });
});
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

function standard(id: string, body: string, secret = SECRET, seconds = Math.floor(Date.now() / 1000)) {
  const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`${id}.${seconds}.${body}`)
    .digest('base64');
  return {
    ...JSON_TYPE,
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
}

it('takes a webhook signed as Standard Webhooks say, under either secret, and names it after its source', async () => {
  const body = '{"type":"user.created", "timestamp":"2026-01-02T03:04:05Z","data":{"id":"u_1"}}';
  for (const [id, secret] of [
    ['msg_1', SECRET],
    ['msg_2', NEWER],
  ] as const) {
    const answer = await gateway.post('/v1/webhooks/clerk', body, standard(id, body, secret));
    expect(answer).toMatchObject({ status: 202, json: { accepted: 1, quarantined: 0, items: [] } });
  }
  const items = await gateway.items();
  expect(items.map(({ value }) => value.toString())).toEqual([body, body]);
  expect(items.map(decodeItem)).toMatchObject([
    { ok: true, envelope: { eventId: 'msg_1', eventType: 'clerk.user.created', eventTime: '2026-01-02T03:04:05Z' } },
    { ok: true, envelope: { eventId: 'msg_2' } },
  ]);
  const [{ header }] = await gateway.batches();
  expect(header.counts?.[0].source).toBe('webhook:clerk');
});

it('takes GitHub’s and Stripe’s own signatures', async () => {
  const hello = 'Hello, World!';
  const github = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' };
  const identity = { 'x-github-event': 'push', 'x-github-delivery': 'd-1' };
  // The documentation's example body is no JSON: signed and kept, for quarantine.
  expect(await gateway.post('/v1/webhooks/github', hello, { ...github, ...identity })).toMatchObject({
    status: 202,
    json: {
      accepted: 0,
      quarantined: 1,
      items: [{ index: 0, status: 'quarantined', error: { rule: 'invalid_json' } }],
    },
  });
  const body = '{"id":"evt_1","type":"invoice.paid"}';
  const t = Math.floor(Date.now() / 1000);
  const v1 = createHmac('sha256', 'whsec_stripe_secret_value').update(`${t}.${body}`).digest('hex');
  expect((await gateway.post('/v1/webhooks/stripe', body, { 'stripe-signature': `t=${t},v1=${v1}` })).status).toBe(202);
  expect((await gateway.items()).map(decodeItem)).toMatchObject([
    { ok: false },
    { ok: true, envelope: { eventType: 'stripe.invoice.paid' } },
  ]);
});

it.each([
  ['no signature', JSON_TYPE, 'header.webhook-id', 'required'],
  ['another body', standard('m', '{"a":2}'), 'header.webhook-signature', 'signature'],
  ['an old one', standard('m', '{"a":1}', SECRET, 1_700_000_000), 'header.webhook-timestamp', 'timestamp'],
  [
    'another secret',
    standard('m', '{"a":1}', 'whsec_AAAAAAAAAAAAAAAAAAAAAAAA'),
    'header.webhook-signature',
    'signature',
  ],
])('refuses a configured source with %s, and keeps nothing', async (_, headers, path, rule) => {
  const answer = await gateway.post('/v1/webhooks/clerk', '{"a":1}', headers);
  expect(answer).toMatchObject({ status: 401, json: { errors: [{ path, rule }] } });
  expect(answer.headers.get('www-authenticate')).toBe('Signature realm="clerk"');
  expect(answer.text).not.toContain('MfKQ9r8');
  expect(await gateway.items()).toEqual([]);
});

it('lets no forged request use up the key of a true one', async () => {
  const body = '{"type":"t"}';
  const key = { 'idempotency-key': 'webhook-key' };
  const signed = standard('m-9', body);
  expect(
    (await gateway.post('/v1/webhooks/clerk', body, { ...signed, ...key, 'webhook-signature': 'v1,AAAA' })).status,
  ).toBe(401);
  expect((await gateway.post('/v1/webhooks/clerk', body, { ...signed, ...key })).status).toBe(202);
  const again = await gateway.post('/v1/webhooks/clerk', body, { ...signed, ...key });
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
  expect(await gateway.items()).toHaveLength(1);
});

it('takes a source that is not configured unsigned, and whatever its body is', async () => {
  const bodies = ['{"type":"a"}', 'payload=%7B%7D', '', '[1,2]', '{"a":1,"a":2}'];
  const answers = [];
  for (const body of bodies)
    answers.push(
      await gateway.post('/v1/webhooks/forms', body, { 'content-type': 'application/x-www-form-urlencoded' }),
    );
  expect(answers.map(({ status, json }) => [status, json.accepted])).toEqual([
    [202, 1],
    [202, 0],
    [202, 0],
    [202, 1],
    [202, 0],
  ]);
  expect((await gateway.items()).map(({ value }) => value.toString())).toEqual(bodies);
});

it('reports an id or type that curation will refuse', async () => {
  const answer = await gateway.post('/v1/webhooks/any', '{}', { 'x-event-type': 'x'.repeat(300) });
  expect(answer.json).toMatchObject({ accepted: 0, quarantined: 1, items: [{ error: { rule: 'invalid_type' } }] });
});

it.each(['UPPER', '-a', 'a.b', 'a%20b', 'x'.repeat(65), '%E2%82%AC'])('has no source %s', async (source) => {
  const answer = await gateway.post(`/v1/webhooks/${source}`, '{}', JSON_TYPE);
  expect(answer).toMatchObject({ status: 404, json: { errors: [{ path: 'params.source', rule: 'pattern' }] } });
});
