import { decodeItem, type Received, TestGateway } from '../testing/gateway.client';
import { shipment } from '../testing/sample-events';
import { rawPost, RawConnection } from '@millrace/service/fuzzing';
import { BATCH_BYTES_MAX, BATCH_ITEMS_MAX, EVENT_BYTES_MAX } from './limits';

const JSON_TYPE = { 'content-type': 'application/json' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const ROUTES = ['/events', '/v1/events', '/api/v1/ingest_event', '/v1/webhooks/any'];

let gateway: TestGateway;
beforeAll(async () => void (gateway = await TestGateway.start()));
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

function expectProblem(answer: Received, status: number, rule?: string, path?: string): void {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.json).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status,
    detail: expect.any(String),
  });
  expect(answer.status).toBe(status);
  if (rule)
    expect(answer.json.errors).toMatchObject([{ rule, path: path ?? expect.any(String), detail: expect.any(String) }]);
}

const kept = async (): Promise<number> => (await gateway.items()).length;
const fill = (frame: string, bytes: number): string => frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
const bodyOf = (bytes: number): string => fill('{"event_type":"a","s":""}', bytes);

describe('a request that is none', () => {
  it.each([
    ['no JSON', 'hello', 'invalid_json', '$'],
    ['cut off', '{"event_type":"a"', 'invalid_json', '$.event_type'],
    ['two documents', '{"event_type":"a"}{"event_type":"b"}', 'invalid_json', '$'],
    ['a trailing comma', '{"event_type":"a",}', 'invalid_json', '$'],
    ['a comment', '{"event_type":"a"/**/}', 'invalid_json', '$.event_type'],
    ['single quotes', "{'event_type':'a'}", 'invalid_json', '$'],
    ['a raw NUL', '{"event_type":"a\0"}', 'invalid_json', '$.event_type'],
    ['nothing', '', 'invalid_json', '$'],
    ['white space', ' \n ', 'invalid_json', '$'],
    ['invalid UTF-8', Buffer.from('{"event_type":"\xff"}', 'latin1'), 'invalid_utf8', '$'],
    ['an overlong encoding', Buffer.from('{"event_type":"\xc0\xaf"}', 'latin1'), 'invalid_utf8', '$'],
    ['an array cut off', '[{"event_type":"a"},', 'malformed_array', '$'],
    ['an array with a hole', '[{"event_type":"a"},,{"event_type":"b"}]', 'malformed_array', '$'],
    ['an array and more', '[{"event_type":"a"}] x', 'malformed_array', '$'],
    ['an open string', '["a', 'malformed_array', '$'],
  ])('JSON that is %s is refused with 400', async (_, body, rule, path) => {
    expectProblem(await gateway.post('/v1/events', body, JSON_TYPE), 400, rule, path);
    if (!String(body).trimStart().startsWith('['))
      expectProblem(await gateway.post('/events', body, JSON_TYPE), 400, rule);
    expect(await kept()).toBe(0);
  });

  it.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json+x',
    'x/',
    'json',
    ';;',
    '"',
  ])('the content type %s is refused with 415, naming what is taken', async (type) => {
    for (const route of ['/events', '/v1/events']) {
      expectProblem(
        await gateway.post(route, '{}', { 'content-type': type }),
        415,
        'media_type',
        'header.content-type',
      );
    }
    expect(await kept()).toBe(0);
  });

  it('no content type, another charset or a content coding is refused with 415', async () => {
    for (const route of ['/events', '/v1/events']) {
      expectProblem(await gateway.post(route, '{"event_type":"a"}'), 415, 'media_type');
      expectProblem(await gateway.request('POST', route), 415, 'media_type');
      expectProblem(
        await gateway.post(route, '{}', { 'content-type': 'application/json; charset=utf-16' }),
        415,
        'charset',
      );
    }
    for (const route of ROUTES) {
      const answer = await gateway.post(route, '{}', { ...JSON_TYPE, 'content-encoding': 'gzip' });
      expectProblem(answer, 415, 'content_coding', 'header.content-encoding');
      expect(answer.headers.get('accept-encoding')).toBe('identity');
    }
    const fine = { 'content-type': 'Application/JSON ; charset="UTF-8"; x=y', 'content-encoding': 'identity' };
    expect((await gateway.postJson('/v1/events', { event_type: 'a', n: 1 }, fine)).status).toBe(202);
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])('%s is refused with 405 and Allow', async (method) => {
    for (const route of ROUTES) {
      const answer = await gateway.request(
        method,
        route,
        method === 'GET' || method === 'HEAD' ? {} : { body: '{}', headers: JSON_TYPE },
      );
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toContain('POST');
    }
  });

  it('an unknown path is 404, an unreadable one 400', async () => {
    expectProblem(await gateway.postJson('/v1/event', {}), 404);
    expectProblem(await gateway.postJson('/v1/webhooks/', {}), 404);
    expectProblem(await gateway.postJson('/v1/webhooks/%ff', {}), 400);
    expectProblem(await gateway.postJson('/v1/events?receipts=%00', {}), 400);
    expectProblem(await gateway.postJson('/v1/events?receipts=some', {}), 400, 'enum', 'query.receipts');
  });

  it('a sender’s text comes back cut and in plain characters', async () => {
    const answer = await gateway.post('/v1/events', '{}', { 'content-type': `x/${'y'.repeat(4_000)}` });
    expect(answer.text.length).toBeLessThan(1_000);
  });
});

describe('limits', () => {
  it('an event of 1 MiB is taken, of one byte more refused with 413', async () => {
    const payload = (bytes: number) => fill('{"eventType":"a","payload":{"s":""}}', bytes);
    expect(payload(EVENT_BYTES_MAX).length).toBe(EVENT_BYTES_MAX);
    expect((await gateway.post('/events', payload(EVENT_BYTES_MAX), JSON_TYPE)).status).toBe(201);
    expectProblem(await gateway.post('/events', payload(EVENT_BYTES_MAX + 1), JSON_TYPE), 413, 'body_too_large', '$');
    expect((await gateway.post('/v1/events', bodyOf(EVENT_BYTES_MAX), JSON_TYPE)).json).toMatchObject({ accepted: 1 });
    expectProblem(await gateway.post('/v1/events', bodyOf(EVENT_BYTES_MAX + 1), JSON_TYPE), 413, 'item_too_large', '$');
    const ce = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
    expectProblem(await gateway.post('/v1/events', Buffer.alloc(EVENT_BYTES_MAX + 1), ce), 413, 'item_too_large', '$');
    expectProblem(await gateway.post('/v1/webhooks/any', bodyOf(EVENT_BYTES_MAX + 1), JSON_TYPE), 413);
    expect(await kept()).toBe(2);
  });

  it('a larger item among others is kept for quarantine and fails none of them, up to a whole batch', async () => {
    const good = JSON.stringify(shipment(1));
    for (const bytes of [EVENT_BYTES_MAX + 1, BATCH_BYTES_MAX - good.length - 1]) {
      await gateway.clear();
      const answer = await gateway.post('/v1/events', `${good}\n${bodyOf(bytes)}`, NDJSON);
      expect(answer.json).toMatchObject({
        accepted: 1,
        quarantined: 1,
        items: [{ index: 1, error: { rule: 'item_too_large' } }],
      });
      expect((await gateway.items()).map(({ value }) => value.length)).toEqual([good.length, bytes]);
    }
  });

  it('10,000 items of one batch are taken, one more is refused with 413', async () => {
    const line = '{"event_type":"a","n":1}\n';
    expect((await gateway.post('/v1/events', line.repeat(BATCH_ITEMS_MAX), NDJSON)).json).toMatchObject({
      accepted: 10_000,
    });
    expect(await kept()).toBe(10_000);
    expectProblem(
      await gateway.post('/v1/events', line.repeat(BATCH_ITEMS_MAX + 1), NDJSON),
      413,
      'too_many_items',
      '$',
    );
    const array = `[${'0,'.repeat(BATCH_ITEMS_MAX)}0]`;
    expectProblem(await gateway.post('/v1/events', array, JSON_TYPE), 413, 'too_many_items', '$');
    const zeros = await gateway.post('/v1/events', `[${'0,'.repeat(BATCH_ITEMS_MAX - 1)}0]`, JSON_TYPE);
    expect(zeros.json).toMatchObject({ accepted: 0, quarantined: 10_000 });
    expect(zeros.json.items).toHaveLength(10_000);
  });

  it('a body over 16 MiB is refused with 413, announced or in chunks, and its sender gets to read that', async () => {
    for (const route of ['/v1/events', '/api/v1/ingest_event']) {
      expectProblem(
        await gateway.post(route, Buffer.alloc(BATCH_BYTES_MAX + 1, 0x20), NDJSON),
        413,
        'body_too_large',
        '$',
      );
    }
    const connection = await RawConnection.open(gateway.port);
    await connection.write(rawPost('/v1/events', { ...NDJSON, 'transfer-encoding': 'chunked' }));
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1 << 20, 0x20), Buffer.from('\r\n')]);
    for (let n = 0; n < 20; n++) await connection.write(chunk);
    await connection.write('0\r\n\r\n');
    expect(await connection.answer()).toMatchObject({ status: 413, body: expect.stringContaining('body_too_large') });
    // The connection is fit for the next request.
    await connection.write(rawPost('/v1/events', { ...JSON_TYPE, 'content-length': 2 }, '[]'));
    expect(await connection.answer()).toMatchObject({ status: 202 });
    connection.close();
  });

  it('CloudEvents attributes larger than the log takes beside an event are refused', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/s',
      'ce-type': 't',
      'ce-x': '"'.repeat(15_000),
    };
    const answer = await gateway.post('/v1/events', '{}', { ...headers, 'content-type': 'application/json' });
    expect([202, 413]).toContain(answer.status);
    expect((await gateway.postJson('/v1/webhooks/any', {}, { 'webhook-id': '"'.repeat(15_500) })).status).toBeLessThan(
      500,
    );
  });
});

describe('what HTTP itself allows', () => {
  it('a body in many pieces, and in chunks, is taken', async () => {
    const body = JSON.stringify(shipment(1));
    const connection = await RawConnection.open(gateway.port);
    await connection.write(rawPost('/v1/events', { ...JSON_TYPE, 'content-length': body.length }));
    for (const piece of body.match(/.{1,100}/g) as string[]) {
      await connection.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await connection.answer()).toMatchObject({ status: 202, body: expect.stringContaining('"accepted":1') });
    await connection.write(rawPost('/v1/events', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }));
    for (const piece of body.match(/.{1,100}/g) as string[])
      await connection.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    await connection.write('0\r\n\r\n');
    expect(await connection.answer()).toMatchObject({ status: 202 });
    expect((await gateway.items()).map(({ value }) => value.toString())).toEqual([body, body]);
    connection.close();
  });

  it('requests sent behind each other on one connection are answered in order', async () => {
    const connection = await RawConnection.open(gateway.port);
    const bodies = [JSON.stringify(shipment(1)), 'nonsense', '[]', '[null]'];
    await connection.write(
      Buffer.concat(bodies.map((body) => rawPost('/v1/events', { ...JSON_TYPE, 'content-length': body.length }, body))),
    );
    const answers = [];
    for (const _ of bodies) answers.push(await connection.answer());
    expect(answers.map((answer) => answer?.status)).toEqual([202, 400, 202, 202]);
    connection.close();
  });

  it('a client that breaks off leaves nothing behind', async () => {
    for (const sent of ['{"event_type":"a"', '']) {
      const connection = await RawConnection.open(gateway.port);
      await connection.write(rawPost('/v1/events', { ...JSON_TYPE, 'content-length': 1_000_000 }, sent));
      connection.close();
    }
    const held = async (): Promise<string | undefined> =>
      /^millrace_body_bytes\{[^}]*\} (\d+)$/m.exec((await gateway.request('GET', '/metrics')).text)?.[1];
    for (let wait = 0; wait < 200 && (await held()) !== '0'; wait++) await new Promise((r) => setTimeout(r, 50));
    expect(await held()).toBe('0');
    expect(await kept()).toBe(0);
  });
});

it('what is odd and yet JSON is kept to the byte, never mended', async () => {
  const odd = [
    '{"event_type":"a","n":0.1000,"e":1E+2,"z":-0}',
    '{"event_type":"a","s":"\\u0000\\ud83d\\ude00\\/"}',
    '{"event_type":"a","event_type":"b","n":1}',
    '\t{"event_type" : "a" , "n":\t1 } ',
    '{"\\u0065vent_type":"a","n":123456789012345678901234567890}',
    '{"event_type":"a","constructor":{"prototype":{"x":1}},"toString":1}',
  ];
  const answer = await gateway.post('/v1/events', odd.join('\n'), NDJSON);
  expect(answer.json).toMatchObject({ accepted: 6, quarantined: 0 });
  expect((await gateway.items()).map(({ value }) => value.toString())).toEqual(odd);
  expect((await gateway.items()).map((item) => decodeItem(item).ok)).toEqual([true, true, false, true, true, true]);
});
