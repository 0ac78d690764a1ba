import fs from 'node:fs';
import path from 'node:path';
import { corpus } from './corpora-dir';
import {
  decode,
  fromCloudEventHttp,
  fromCloudEventKafka,
  toCloudEvent,
  type CloudEventsRequest,
  type Envelope,
} from './index';

interface Case {
  readonly name: string;
  readonly request?: { headers: Record<string, string>; body: string };
  readonly kafka?: { headers: Record<string, string>; value: string };
  readonly expect: {
    attributes?: Record<string, unknown>;
    data?: unknown;
    events?: Record<string, unknown>[];
    count?: number;
  };
}

const dir = corpus('cloudevents');
const cases: Case[] = dir
  ? fs
      .readFileSync(path.join(dir, 'cases.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Case)
  : [];

describe(dir ? 'the CloudEvents conformance cases' : 'the CloudEvents conformance cases (absent)', () => {
  if (!dir) return void it('are left out for the reason printed', () => expect(dir).toBeNull());

  it('are 30, three of them over Kafka', () => {
    expect(cases).toHaveLength(30);
    expect(cases.filter((c) => c.kafka)).toHaveLength(3);
  });

  it.each(cases.map((c) => [c.name, c] as const))('%s', (_, c) => {
    const request = c.kafka ? kafka(c.kafka) : http(c.request as NonNullable<Case['request']>);
    const envelopes = envelopesOf(request);
    const stored = envelopes.map(structured);
    if (c.expect.attributes) expect(stored).toEqual([withoutNulls({ ...c.expect.attributes, data: c.expect.data })]);
    else {
      expect(stored).toHaveLength(c.expect.count as number);
      expect(stored).toEqual((c.expect.events as Record<string, unknown>[]).map(withoutNulls));
    }
    // The other way: what we write in binary mode is read back as the same event.
    for (const envelope of envelopes) {
      const message = toCloudEvent(envelope, 'binary');
      const again = envelopesOf(fromCloudEventHttp(message)).map(structured)[0];
      // Two cases of the specification have a data_base64 that is none: they have no binary form.
      const expected = message.mode === 'binary' ? inBinaryMode(structured(envelope)) : structured(envelope);
      expect(again).toEqual('data' in expected ? { datacontenttype: 'application/json', ...expected } : expected);
      expect(message.mode).toBe(/\.\.\. base64/.test(envelope.payloadJson) ? 'structured' : 'binary');
    }
  });
});

/** In binary mode every attribute is a string, and names have no case. */
function inBinaryMode(event: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) =>
      name.startsWith('data') ? [name, value] : [name.toLowerCase(), String(value)],
    ),
  );
}

function http(request: { headers: Record<string, string>; body: string }): CloudEventsRequest | null {
  return fromCloudEventHttp({ headers: request.headers, body: Buffer.from(request.body) });
}

function kafka(message: { headers: Record<string, string>; value: string }): CloudEventsRequest | null {
  const headers = Object.fromEntries(Object.entries(message.headers).map(([k, v]) => [k, Buffer.from(v)]));
  return fromCloudEventKafka({ headers, value: Buffer.from(message.value) });
}

function envelopesOf(request: CloudEventsRequest | null): Envelope[] {
  if (!request || request.refusal) throw new Error(`no CloudEvents: ${JSON.stringify(request)}`);
  return request.items.map(({ value, ...headers }) => {
    const decoded = decode(value, { tenant: 'default', source: 'http', at: '2026-01-02T03:04:05.678Z', ...headers });
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
    return decoded.envelope;
  });
}

function structured(envelope: Envelope): Record<string, unknown> {
  return JSON.parse(toCloudEvent(envelope, 'structured').body.toString('utf8')) as Record<string, unknown>;
}

/** A null attribute is an absent one (CloudEvents 1.0.2, 3.1). */
function withoutNulls(event: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
}
