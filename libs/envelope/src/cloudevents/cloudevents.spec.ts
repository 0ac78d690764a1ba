import { decode } from '../decode/decode';
import { inspect } from '../decode/inspect';
import type { Decoded, Envelope } from '../envelope';
import { fromCloudEventHttp, type CloudEventsRequest } from './from-http';
import { fromCloudEventKafka } from './from-kafka';

const HEADERS = { tenant: 'default', source: 'http', at: '2026-01-02T03:04:05.678Z' };
const MINIMUM = { specversion: '1.0', id: '1', type: 't', source: '/s' };
const CE = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 't', 'ce-source': '/s' };

function all(request: CloudEventsRequest | null): Decoded[] {
  if (!request || request.refusal) throw new Error(JSON.stringify(request));
  return request.items.map(({ value, ...headers }) => {
    const decoded = decode(value, { ...HEADERS, ...headers });
    if (decoded.ok)
      expect(inspect(value, headers)).toEqual({
        ok: true,
        eventType: decoded.envelope.eventType,
        eventId: decoded.envelope.eventId,
      });
    return decoded;
  });
}

const binary = (headers: Record<string, string | string[]>, body: Buffer | string = ''): Decoded =>
  all(fromCloudEventHttp({ headers, body: Buffer.from(body as string) }))[0];
const structured = (event: object): Decoded =>
  decode(Buffer.from(JSON.stringify(event)), { ...HEADERS, format: 'event' });

function ok(decoded: Decoded): Envelope {
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
  return decoded.envelope;
}

describe('structured CloudEvents', () => {
  it('map onto the envelope; what has no column is kept as attributes', () => {
    const event = {
      ...MINIMUM,
      time: '2021-11-25T21:56:00.653866570+01:00',
      subject: 'x',
      dataschema: 'https://s/1',
      flag: true,
      n: -5,
      none: null,
      data: { a: 1 },
    };
    expect(ok(structured(event))).toMatchObject({
      eventId: '1',
      eventType: 't',
      source: '/s',
      subject: 'x',
      eventTime: '2021-11-25T20:56:00.653866Z',
      payloadJson: '{"a":1}',
      attributesJson:
        '{"specversion":"1.0","dataschema":"https://s/1","flag":true,"n":-5,"time":"2021-11-25T21:56:00.653866570+01:00"}',
    });
  });

  it('keep binary data as base64 text, marked', () => {
    expect(ok(structured({ ...MINIMUM, data_base64: 'AAH/' }))).toMatchObject({
      payload: 'AAH/',
      payloadJson: '"AAH/"',
      attributesJson: '{"specversion":"1.0","data_base64":true}',
    });
  });

  it('may have no data', () => {
    for (const event of [MINIMUM, { ...MINIMUM, data: null }])
      expect(ok(structured(event))).toMatchObject({ payload: null, payloadJson: 'null' });
  });

  it.each([
    [{ id: undefined }, 'invalid_id', '$.id'],
    [{ id: '' }, 'invalid_id', '$.id'],
    [{ id: 5 }, 'invalid_id', '$.id'],
    [{ type: null }, 'missing_type', '$.type'],
    [{ source: undefined }, 'invalid_cloudevent', '$.source'],
    [{ source: '' }, 'invalid_cloudevent', '$.source'],
    [{ source: 'not a uri' }, 'invalid_cloudevent', '$.source'],
    [{ source: '%zz' }, 'invalid_cloudevent', '$.source'],
    [{ specversion: '0.3' }, 'invalid_cloudevent', '$.specversion'],
    [{ specversion: 1 }, 'invalid_cloudevent', '$.specversion'],
    [{ subject: '' }, 'invalid_cloudevent', '$.subject'],
    [{ time: '2021-02-30T00:00:00Z' }, 'invalid_time', '$.time'],
    [{ time: 5 }, 'invalid_time', '$.time'],
    [{ dataschema: 'relative' }, 'invalid_cloudevent', '$.dataschema'],
    [{ datacontenttype: 'json' }, 'invalid_cloudevent', '$.datacontenttype'],
    [{ my_ext: 'x' }, 'invalid_cloudevent', '$.my_ext'],
    [{ 'my-ext': 'x' }, 'invalid_cloudevent', "$['my-ext']"],
    [{ Type: 'x' }, 'invalid_cloudevent', '$.Type'],
    [{ ext: { a: 1 } }, 'invalid_cloudevent', '$.ext'],
    [{ ext: 1.5 }, 'invalid_cloudevent', '$.ext'],
    [{ ext: 2 ** 31 }, 'invalid_cloudevent', '$.ext'],
    [{ ext: 'a\u0007' }, 'invalid_cloudevent', '$.ext'],
    [{ ext: '\ufffe' }, 'invalid_cloudevent', '$.ext'],
    [{ data: 1, data_base64: 'AA==' }, 'invalid_cloudevent', '$.data_base64'],
    [{ data_base64: 5 }, 'invalid_cloudevent', '$.data_base64'],
  ])('with %j are refused', (change, reason, path) => {
    expect(structured({ ...MINIMUM, ...change })).toMatchObject({ ok: false, refusal: { reason, path } });
  });

  it('are read as such under their content type even without specversion', () => {
    const item = Buffer.from('{"id":"1","type":"t","source":"/s"}');
    const headers = { ...HEADERS, format: 'event', contenttype: 'application/cloudevents+json' } as const;
    expect(decode(item, headers)).toMatchObject({
      refusal: { reason: 'invalid_cloudevent', path: '$.specversion' },
      eventId: '1',
      eventType: 't',
    });
  });
});

describe('binary CloudEvents', () => {
  it.each([
    ['application/json', '{"n": 12345678901234567890}\n', '{"n": 12345678901234567890}'],
    ['application/vnd.x+json; charset=UTF-8', '[1.0]', '[1.0]'],
    ['text/plain', 'é\n', '"é\\n"'],
    ['text/plain; charset=iso-8859-1', Buffer.from([0xe9]), '"é"'],
    ['application/octet-stream', Buffer.from([0, 255]), '"AP8="'],
    ['text/plain; charset=utf-16', 'ab', '"YWI="'],
  ])('have data of type %s', (type, body, payloadJson) => {
    expect(ok(binary({ ...CE, 'Content-Type': type }, body))).toMatchObject({ payloadJson });
  });

  it('have no data where the body is empty, and bytes where no type is given', () => {
    expect(ok(binary(CE))).toMatchObject({ payload: null, attributesJson: '{"specversion":"1.0"}' });
    expect(ok(binary(CE, 'ab'))).toMatchObject({
      payload: 'YWI=',
      attributesJson: '{"specversion":"1.0","data_base64":true}',
    });
  });

  it('have header names in any case, and values that are decoded once', () => {
    const headers = {
      'CE-SpecVersion': '1.0',
      'Ce-Id': 'a%2520b',
      'CE-TYPE': '"quo\\"ted"',
      'ce-source': '/s',
      'ce-subject': 'Euro%20%e2%82%AC %zz',
    };
    expect(ok(binary(headers))).toMatchObject({ eventId: 'a%20b', eventType: 'quo"ted', subject: 'Euro € %zz' });
  });

  it.each([
    [{ 'ce-id': '' }, '', 'invalid_id', '$.id'],
    [{ 'ce-type': ' ' }, '', 'missing_type', '$.type'],
    [{ 'ce-specversion': '2.0' }, '', 'invalid_cloudevent', '$.specversion'],
    [{ 'ce-datacontenttype': 'application/json' }, '', 'invalid_cloudevent', '$.datacontenttype'],
    [{ 'ce-data': 'x' }, '', 'invalid_cloudevent', '$.data'],
    [{ 'ce-subject': '%ff' }, '', 'invalid_cloudevent', '$.subject'],
    [{ 'content-type': 'application/json' }, '{"a":', 'invalid_json', '$.a'],
    [{ 'content-type': 'application/json' }, '{"a":1,"a":1}', 'duplicate_key', '$.a'],
    [{ 'content-type': 'application/json; charset=utf-16' }, '{}', 'unsupported_content_type', '$.datacontenttype'],
    [{ 'content-type': 'text/plain' }, Buffer.from([0xff]), 'invalid_utf8', '$'],
    [{ 'content-type': 'nonsense' }, 'x', 'invalid_cloudevent', '$.datacontenttype'],
  ])('with %j and body %j are refused', (change, body, reason, path) => {
    expect(binary({ ...CE, ...change } as Record<string, string>, body)).toMatchObject({
      ok: false,
      refusal: { reason, path },
    });
  });
});

describe('a request', () => {
  it('that is no CloudEvents request is left to others', () => {
    expect(fromCloudEventHttp({ headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') })).toBeNull();
    expect(
      fromCloudEventKafka({ headers: { 'content-type': 'application/json' }, value: Buffer.from('{}') }),
    ).toBeNull();
    expect(fromCloudEventKafka({ value: null })).toBeNull();
  });

  it('may hold a batch, also an empty one, with a bad event among good ones', () => {
    const send = (body: string): CloudEventsRequest | null =>
      fromCloudEventHttp({
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: Buffer.from(body),
      });
    expect(send('[]')).toEqual({ mode: 'batched', items: [] });
    expect(all(send(`[${JSON.stringify(MINIMUM)},null,{"specversion":"1.0"}]`)).map((d) => d.ok)).toEqual([
      true,
      false,
      false,
    ]);
    expect(send('[{]')).toMatchObject({ refusal: { reason: 'malformed_array' } });
  });

  it.each([
    'application/cloudevents+xml',
    'application/cloudevents-batch+avro',
    'application/cloudevents',
    'application/cloudevents+json; charset=utf-16',
  ])('of type %s is refused', (type) =>
    expect(fromCloudEventHttp({ headers: { 'content-type': type }, body: Buffer.from('') })).toMatchObject({
      refusal: { reason: 'unsupported_content_type' },
    }),
  );

  it('over Kafka has its attributes as they are, UTF-8 without percent-encoding', () => {
    const headers = {
      ce_specversion: '1.0',
      ce_id: Buffer.from('100%25 €'),
      ce_type: 't',
      ce_source: '/s',
      'content-type': 'text/plain',
    };
    const [decoded] = all(fromCloudEventKafka({ headers, value: Buffer.from('hi') }));
    expect(ok(decoded)).toMatchObject({ eventId: '100%25 €', payload: 'hi' });
    const [bad] = all(fromCloudEventKafka({ headers: { ...headers, ce_subject: Buffer.from([0xff]) }, value: null }));
    expect(bad).toMatchObject({ refusal: { reason: 'invalid_cloudevent', path: '$.subject' } });
  });
});
