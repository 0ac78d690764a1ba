import { LINKS_MAX } from '@millrace/observability';
import { type CollectedSpan, type Collector, startCollector } from '@millrace/observability/testing';
import { readDataSet } from '../demo/data-set';
import { soon, startWhole, type Whole } from '../start/fixtures/whole';

const data = readDataSet();
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

let collector: Collector;
let whole: Whole;

beforeAll(async () => {
  collector = await startCollector();
  whole = await startWhole({ name: 'trace', env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } });
}, 120_000);

afterAll(async () => {
  await whole?.stop();
  await collector.close();
}, 60_000);

const post = async (line: Buffer, traceId: string): Promise<void> => {
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  const answer = await whole.call('POST', '/v1/events', line.toString('utf8'), headers);
  expect(answer.status).toBeLessThan(300);
};

it('one event makes one connected trace through all services', async () => {
  await post(data.lines[0], TRACE_ID);
  // Services send their spans every few seconds.
  await soon(async () => STEPS.every((step) => stepsOf(collector.connectedTo(TRACE_ID)).has(step)));
  const spans = collector.connectedTo(TRACE_ID);
  for (const { name, attributes } of spans.filter((span) => !span.name.startsWith('POST'))) {
    const [operation, ...topic] = name.split(' ');
    expect(attributes).toMatchObject({
      'messaging.system': 'millrace',
      'messaging.destination.name': topic.join(' '),
      'messaging.operation.name': operation,
    });
    expect(attributes['error.type']).toBeUndefined();
  }
  // With a single cause at each step nothing but parents is needed.
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
  expect(lineage(spans, 'rebuild tables.changed')).toEqual([
    'POST /v1/events',
    'land events.inbound',
    'commit batches.staged',
    'rebuild tables.changed',
  ]);
}, 60_000);

it('events that travel together stay connected with what was done for them', async () => {
  const traceIds = data.lines.slice(1, 41).map((_, i) => (i + 1).toString(16).padStart(32, '1'));
  await Promise.all(traceIds.map((traceId, i) => post(data.lines[i + 1], traceId)));
  const committed = (traceId: string): boolean => stepsOf(collector.connectedTo(traceId)).has(COMMIT);
  await soon(async () => traceIds.every(committed));
  expect(Math.max(...collector.spans.map(({ links }) => links.length))).toBeLessThanOrEqual(LINKS_MAX);
}, 60_000);

it('what was published is in the audit', async () => {
  const audit: { action: string; subject: string; actor: string }[] = (await whole.call('GET', '/v1/audit')).json.rows;
  expect(audit.map(({ action, subject, actor }) => [action, subject, actor])).toEqual([
    ['contracts.published', expect.stringMatching(/^shipment_status_changed@\d/), 'table-manager'],
  ]);
});

it.each([
  ['ingest-gateway', 'events.inbound', ['conservation', 'curation']],
  ['curation-worker', 'batches.staged', ['analytics', 'table-manager']],
  ['table-manager', 'tables.changed', ['analytics', 'curation']],
] as const)('%s watches who reads %s', async (service, topic, groups) => {
  const metrics = (await whole.call('GET', `/${service}/metrics`)).text;
  const watched = [...metrics.matchAll(/^millrace_log_unread_seconds\{topic="([^"]+)",group="([^"]+)"/gm)];
  expect(watched.flatMap(([, of, group]) => (of === topic ? [group] : [])).sort()).toEqual(groups);
});

const COMMIT = 'table-manager: commit batches.staged';
/** Every hop between services, twice: the message as it is sent and as each group works on it. */
const STEPS = [
  'ingest-gateway: POST /v1/events',
  'ingest-gateway: append events.inbound',
  'analytics-api: process events.inbound',
  'curation-worker: land events.inbound',
  'curation-worker: send batches.staged',
  'analytics-api: process batches.staged',
  'table-manager: process batches.staged',
  COMMIT,
  'table-manager: rebuild tables.changed',
  'table-manager: send tables.changed',
  'curation-worker: process tables.changed',
  'analytics-api: process tables.changed',
];

const stepsOf = (spans: readonly CollectedSpan[]): Set<string> =>
  new Set(spans.map(({ service, name }) => `${service}: ${name}`));

function lineage(spans: readonly CollectedSpan[], name: string): string[] {
  const names: string[] = [];
  for (let at = spans.find((span) => span.name === name); at;) {
    names.unshift(at.name);
    const parent = at.parentSpanId;
    at = spans.find((span) => span.spanId === parent);
  }
  return names;
}
