import type { RecordBatch } from '@millrace/messaging';
import { startTracing } from '@millrace/observability';
import { createAppend } from './append-span';

const traceparent = (n: number): string => `00-${String(n).padStart(32, '0')}-b7ad6b7169203331-01`;
const batchOf = (count: number): RecordBatch => ({
  header: { appendId: 'a' },
  records: Array.from({ length: count }, (_, n) => ({
    headers: { traceparent: traceparent(n + 1) },
    value: Buffer.from(''),
  })),
});

function setUp() {
  const appended: { batch: RecordBatch; partition?: string }[] = [];
  const messaging = {
    append: async (_topic: string, batch: RecordBatch, options?: { partition?: string }) => {
      appended.push({ batch, partition: options?.partition });
      return [];
    },
  };
  return { appended, append: createAppend(messaging, 'events.inbound', 'postgresql') };
}

it('appends as it is where nothing records', async () => {
  const { append, appended } = setUp();
  const batch = batchOf(2);
  await append(batch, '3');
  expect(appended).toEqual([{ batch, partition: '3' }]);
  expect(appended[0].batch.header).not.toHaveProperty('traceparent');
});

it('carries a trace of its own in the header where spans are recorded', async () => {
  const tracing = startTracing({ service: 'test', otlpEndpoint: 'http://127.0.0.1:1' });
  try {
    const { append, appended } = setUp();
    await append(batchOf(100), '0');
    const { header } = appended[0].batch;
    expect(header).toMatchObject({
      appendId: 'a',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
    expect(header.traceparent).not.toContain('b7ad6b7169203331');
  } finally {
    await tracing.shutdown();
  }
});
