import fs from 'node:fs';
import path from 'node:path';
import { type Envelope, fromCloudEventKafka, toCloudEvent } from '@millrace/envelope';
import { decodeItem, TestGateway } from '../testing/gateway.client';

const ROOT = process.env.MILLRACE_CORPORA ?? path.resolve(__dirname, '../../../../../shared/corpora');
const FILE = path.join(ROOT, 'cloudevents', 'cases.jsonl');

interface Case {
  readonly name: string;
  readonly request?: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly kafka?: { readonly headers: Readonly<Record<string, string>>; readonly value: string };
  readonly expect: {
    readonly attributes?: Readonly<Record<string, unknown>>;
    readonly data?: unknown;
    readonly events?: readonly Readonly<Record<string, unknown>>[];
    readonly count?: number;
  };
}

const absent = !fs.existsSync(FILE);
const cases: Case[] = absent
  ? []
  : fs
      .readFileSync(FILE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Case);

describe('the CloudEvents conformance cases', () => {
  if (absent) {
    process.stderr.write(`no corpus at ${ROOT} (set MILLRACE_CORPORA): the conformance cases are left out\n`);
    return void it('are left out for the reason printed', () => expect(process.env.CI).toBeUndefined());
  }
  let gateway: TestGateway;
  beforeAll(async () => void (gateway = await TestGateway.start()));
  afterAll(() => gateway?.stop());
  beforeEach(() => gateway.clear());

  it('are 30, three of them over Kafka', () => {
    expect(cases).toHaveLength(30);
    expect(cases.filter(({ kafka }) => kafka)).toHaveLength(3);
  });

  it.each(cases.filter(({ request }) => request).map((each) => [each.name, each] as const))('%s', async (_, each) => {
    const { headers, body } = each.request as NonNullable<Case['request']>;
    const { Host: _host, ...sent } = headers;
    const answer = await gateway.post('/v1/events?receipts=all', body, sent);
    expect(answer).toMatchObject({ status: 202, json: { quarantined: 0 } });
    const stored = (await gateway.items()).map((item) => {
      const decoded = decodeItem(item);
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
      return structured(decoded.envelope);
    });
    expect(answer.json.items.map((item: { eventId: string }) => item.eventId)).toEqual(stored.map(({ id }) => id));
    expect(stored).toEqual(expected(each));
  });

  it.each(cases.filter(({ kafka }) => kafka).map((each) => [each.name, each] as const))('%s', async (_, each) => {
    const { headers, value } = each.kafka as NonNullable<Case['kafka']>;
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
    const request = fromCloudEventKafka({ headers: bytes, value: Buffer.from(value) });
    if (!request || request.refusal) throw new Error(`no CloudEvents: ${JSON.stringify(request)}`);
    const at = '2026-01-02T03:04:05.678Z';
    const stored = request.items.map(({ value: item, ...rest }) =>
      decodeItem({ partition: 0, value: item, headers: { tenant: 'default', source: 'kafka', at, ...rest } }),
    );
    expect(stored.map((decoded) => decoded.ok && structured(decoded.envelope))).toEqual(expected(each));
  });
});

function structured(envelope: Envelope): Record<string, unknown> {
  return JSON.parse(toCloudEvent(envelope, 'structured').body.toString('utf8')) as Record<string, unknown>;
}

function expected({ expect: { attributes, data, events } }: Case): Record<string, unknown>[] {
  return (attributes ? [{ ...attributes, data }] : (events ?? [])).map(withoutNulls);
}

/** A null attribute is an absent one (CloudEvents 1.0.2, 3.1). */
function withoutNulls(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
}
