import type { EventQuarantined } from '@millrace/topics';
import { shipmentEvent } from '../testing/landing-bench';
import { appendItems } from '../testing/lake';
import { type RunningService, runningService } from '../testing/running-service';
import { caughtUp, until } from '../testing/worker-under-test';
import { tellQuarantined } from './tell-quarantined';

let service: RunningService;
beforeAll(async () => (service = await runningService()));
afterAll(() => service.stop());

const TOPIC = 'events.quarantined';
const end = async (): Promise<number> => [...(await service.messaging.ends(TOPIC)).values()].reduce((a, b) => a + b, 0);

async function told(): Promise<EventQuarantined[]> {
  const count = await end();
  const subscription = await service.messaging.subscribe({ topic: TOPIC, group: 'outsider', from: 'earliest' });
  const found: EventQuarantined[] = [];
  while (found.length < count) {
    const delivery = await subscription.next();
    for (const { records } of delivery?.batches ?? [])
      found.push(...records.map(({ value }) => JSON.parse(value.toString()) as EventQuarantined));
  }
  await subscription.close();
  return found;
}

test('each quarantined item is told once, without its bytes, however often it is looked for', async () => {
  const items = Array.from({ length: 1_203 }, (_, i) => shipmentEvent(`q${i}`, { status: 'lost' }));
  await appendItems(service.messaging, [...items, shipmentEvent('good')]);
  await until(() => caughtUp(service.messaging));
  await until(async () => (await end()) === items.length);
  const { pool } = service.database;
  // As after a crash between the append and the note of it.
  await pool.query('UPDATE curation_worker.progress SET told = 0');
  const deps = { pool, messaging: service.messaging, withRaw: false };
  await Promise.all([tellQuarantined(deps), tellQuarantined(deps)]);
  const messages = await told();
  expect(messages).toHaveLength(items.length);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(items.length);
  expect(new Set(messages.map(({ eventId }) => eventId))).toEqual(new Set(items.map((_, i) => `q${i}`)));
  expect(messages[0]).toEqual({
    ...{ id: expect.stringMatching(/^[0-9a-f-]{36}\/\d+\/\d+$/), quarantineId: expect.stringMatching(/^\d+$/) },
    ...{ tenant: 'default', source: 'test', eventType: 'shipment.status.changed', eventId: expect.any(String) },
    ...{ group: expect.stringMatching(/^[0-9a-f]{16}$/), reason: 'unknown_value', rule: expect.any(String) },
    ...{ path: '$.payload.status', contract: 'shipment_status_changed', contractVersion: expect.any(String) },
    ...{ acceptedAt: '2026-11-21T10:20:30.123Z', at: expect.stringMatching(/Z$/) },
    ...{ rawPart: expect.stringMatching(/^raw\//), rawLine: expect.any(Number) },
  });
});
