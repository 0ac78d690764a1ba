import { decodeItem, TestGateway } from '../testing/gateway.client';
import { shipment } from '../testing/sample-events';

const JSON_TYPE = { 'content-type': 'application/json' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let gateway: TestGateway;
beforeAll(async () => void (gateway = await TestGateway.start()));
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

const values = async (): Promise<string[]> => (await gateway.items()).map(({ value }) => value.toString());

describe('POST /events', () => {
  it('makes one event durable, byte for byte, under an id of its own', async () => {
    const body =
      '{ "eventType":"order.created", "payload": {"n": 12345678901234567890, "s": "é"},\n "metadata":{"k":1}}';
    const first = await gateway.post('/events', body, JSON_TYPE);
    expect(first.status).toBe(201);
    expect(first.json).toEqual({ success: true, eventId: expect.stringMatching(UUID_V7), message: expect.any(String) });
    const second = await gateway.post('/events', body, JSON_TYPE);
    expect(second.json.eventId).not.toBe(first.json.eventId);
    const items = await gateway.items();
    expect(items.map(({ value }) => value.toString())).toEqual([body, body]);
    const decoded = items.map(decodeItem);
    expect(decoded).toMatchObject([
      {
        ok: true,
        envelope: {
          eventId: first.json.eventId,
          eventType: 'order.created',
          payloadJson: '{"n": 12345678901234567890, "s": "é"}',
          attributesJson: '{"metadata":{"k":1}}',
          tenantId: 'default',
          source: 'http',
        },
      },
      { ok: true, envelope: { eventId: second.json.eventId } },
    ]);
  });

  it.each([
    ['no type', { payload: {} }, '$.eventType', 'missing_type'],
    ['a type that is no string', { eventType: 5, payload: {} }, '$.eventType', 'invalid_type'],
    ['a type of 101 characters', { eventType: 'x'.repeat(101), payload: {} }, '$.eventType', 'invalid_type'],
    ['no payload', { eventType: 'a' }, '$.payload', 'missing_payload'],
    ['a payload that is a list', { eventType: 'a', payload: [] }, '$.payload', 'invalid_payload'],
    ['metadata that is a text', { eventType: 'a', payload: {}, metadata: 'x' }, '$.metadata', 'invalid_member'],
    ['a list', [{ eventType: 'a', payload: {} }], '$', 'not_an_object'],
    ['null', null, '$', 'not_an_object'],
  ])('refuses %s and keeps nothing', async (_, body, path, rule) => {
    const answer = await gateway.postJson('/events', body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.json).toMatchObject({ status: 400, instance: '/events', errors: [{ path, rule }] });
    expect(await values()).toEqual([]);
  });

  it('takes types of 1 to 100 characters', async () => {
    for (const eventType of ['x', 'x'.repeat(100), '😀'.repeat(100)]) {
      expect((await gateway.postJson('/events', { eventType, payload: {} })).status).toBe(201);
    }
  });
});

describe('POST /v1/events', () => {
  it('takes one envelope, one flat event, or a list of both', async () => {
    const flat = '{"event_type":"order.created","order_id":"o-1","timestamp":"2026-01-02T03:04:05Z"}';
    const envelope = JSON.stringify(shipment(1));
    for (const [body, count] of [
      [envelope, 1],
      [flat, 1],
      [`[${envelope} , ${flat}\n]`, 2],
      [' \r\n[]', 0],
    ] as const) {
      await gateway.clear();
      const answer = await gateway.post('/v1/events', body, JSON_TYPE);
      expect(answer).toMatchObject({ status: 202, json: { accepted: count, quarantined: 0, items: [] } });
      expect(await gateway.items()).toHaveLength(count);
      for (const item of await gateway.items()) expect(decodeItem(item)).toMatchObject({ ok: true });
    }
  });

  it('takes a list apart by its elements, also where they hold what is between two of them', async () => {
    const sound = [
      '{"event_type":"a","parts":[{"n":1},{"n":2}]}',
      '{"event_type":"b","text":"},{"}',
      JSON.stringify(shipment(1)),
    ];
    const damaged = '{"event_type":"c","n":NaN}';
    for (const [items, quarantined] of [
      [sound, 0],
      [[sound[2], sound[2]], 0],
      [[sound[2], damaged, sound[2]], 1],
      [[damaged, ...sound], 1],
    ] as const) {
      await gateway.clear();
      const answer = await gateway.post('/v1/events', `[${items.join(',')}]`, JSON_TYPE);
      expect(answer).toMatchObject({ status: 202, json: { accepted: items.length - quarantined, quarantined } });
      expect(await values()).toEqual(items);
    }
    for (const body of [`[${sound[2]},${sound[2]}`, `[${sound[2]},{]`, `[${sound[2]},]`])
      expect((await gateway.post('/v1/events', body, JSON_TYPE)).status).toBe(400);
  });

  it('takes lines, of either line break and with blank ones between', async () => {
    const lines = [1, 2, 3].map((n) => JSON.stringify(shipment(n)));
    const answer = await gateway.post('/v1/events', `${lines[0]}\r\n\n  \n${lines[1]}\n${lines[2]}`, NDJSON);
    expect(answer).toMatchObject({ status: 202, json: { accepted: 3, quarantined: 0 } });
    expect(await values()).toEqual(lines);
    expect((await gateway.post('/v1/events', '', NDJSON)).json).toEqual({ accepted: 0, quarantined: 0, items: [] });
  });

  it('keeps every item of a well-formed request, reports what is no event, and lets no item fail another', async () => {
    const good = JSON.stringify(shipment(1));
    const items = [
      good,
      '{"event_type":',
      'null',
      '5',
      '{"a":1}',
      '{"event_type":"x","n":1,"__proto__":{}}',
      `${'['.repeat(70)}${']'.repeat(70)}`,
      '{"event_type":"x","event_id":"e-7","n":1e999}',
      '{"event_type":"x","n":"\\ud800"}',
      good,
    ];
    const bytes = Buffer.concat([Buffer.from(`${items.join('\n')}\n`), Buffer.from([0xff, 0xfe, 0x0a, 0x00, 0x0a])]);
    const answer = await gateway.post('/v1/events', bytes, NDJSON);
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({ accepted: 2, quarantined: 10 });
    const reported = answer.json.items as {
      index: number;
      eventId: string | null;
      status: string;
      error: { rule: string; path: string };
    }[];
    expect(reported.map(({ index, error }) => [index, error.rule])).toEqual([
      [1, 'invalid_json'],
      [2, 'not_an_object'],
      [3, 'not_an_object'],
      [4, 'missing_type'],
      [5, 'forbidden_key'],
      [6, 'too_deep'],
      [7, 'invalid_number'],
      [8, 'lone_surrogate'],
      [10, 'invalid_utf8'],
      [11, 'invalid_json'],
    ]);
    expect(reported.every(({ status }) => status === 'quarantined')).toBe(true);
    expect(reported.find(({ index }) => index === 7)?.eventId).toBe('e-7');
    const kept = await gateway.items();
    expect(kept.map(({ value }) => value)).toEqual([
      ...items.map((i) => Buffer.from(i)),
      Buffer.from([0xff, 0xfe]),
      Buffer.from([0]),
    ]);
    // Curation finds the same.
    expect(kept.map((item) => decodeItem(item).ok)).toEqual([true, ...Array(8).fill(false), true, false, false]);
    const [{ header }] = await gateway.batches();
    expect(header.counts).toEqual([
      {
        tenant: 'default',
        source: 'http',
        hour: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/),
        count: 12,
      },
    ]);
  });

  it('lists every item with its id under ?receipts=all, the content id where it has none', async () => {
    const body =
      '[{"event_type":"a","event_id":"mine","x":1},{"event_type":"a","x":1},{"x":1, "event_type":"a"},{"event_type":"a","x":1,"x":2}]';
    const answer = await gateway.post('/v1/events?receipts=all', body, JSON_TYPE);
    expect(answer).toMatchObject({ status: 202, json: { accepted: 3, quarantined: 1 } });
    const items = answer.json.items as { eventId: string; status: string }[];
    expect(items.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted', 'quarantined']);
    expect(items[0].eventId).toBe('mine');
    // The order of members and white space are no content.
    expect(items[1].eventId).toMatch(/^[0-9a-f]{64}$/);
    expect(items[2].eventId).toBe(items[1].eventId);
    const decoded = (await gateway.items()).map(decodeItem);
    expect(decoded.slice(0, 3).map((d) => d.ok && d.envelope.eventId)).toEqual(items.slice(0, 3).map((i) => i.eventId));
  });

  it('takes a thousand requests at once, each answered for itself', async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => gateway.postJson('/v1/events', n % 10 === 0 ? { no: n } : shipment(n))),
    );
    expect(answers.filter(({ json }) => json.accepted === 1)).toHaveLength(900);
    expect(answers.filter(({ json }) => json.quarantined === 1)).toHaveLength(100);
    const batches = await gateway.batches();
    const ids = batches.flatMap(({ items }) => items.map(({ value }) => value.toString()));
    expect(new Set(ids).size).toBe(1_000);
    expect(batches.length).toBeLessThan(1_000);
    expect(batches.reduce((sum, { header }) => sum + (header.counts?.[0].count ?? 0), 0)).toBe(1_000);
    // Each partition's appends of this process are numbered without a gap.
    for (const partition of new Set(batches.map((b) => b.partition))) {
      const numbers = batches
        .filter((b) => b.partition === partition)
        .map((b) => b.header.producer?.sequence as number);
      expect(numbers.map((n) => n - numbers[0])).toEqual(numbers.map((_, i) => i));
    }
  });

  it('keeps the request id that a client gave, and its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await gateway.postJson('/v1/events', shipment(1), { 'x-request-id': 'req-1', traceparent });
    expect(answer.headers.get('x-request-id')).toBe('req-1');
    await gateway.postJson('/v1/events', shipment(2), { 'x-request-id': 'no "good" id', traceparent: 'nonsense' });
    const [first, second] = await gateway.items();
    expect(first.headers).toMatchObject({
      request: 'req-1',
      traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
    });
    expect(decodeItem(first)).toMatchObject({ envelope: { traceId: '0af7651916cd43dd8448eb211c80319c' } });
    expect(second.headers).not.toHaveProperty('request');
    expect(second.headers).not.toHaveProperty('traceparent');
  });
});
