import { systemRandom } from '@millrace/observability';
import { sealRecords } from '@millrace/privacy';
import { createIsEvent } from './is-event';

const key = { id: 'd2026-11-21', key: Buffer.alloc(32, 7) };
const headers: Readonly<Record<string, string>> = {
  format: 'event',
  tenant: 't',
  source: 'http',
  at: '2026-11-21T10:00:00.000Z',
};
const values = ['a', 'b'].map((id) => Buffer.from(JSON.stringify({ event_id: id, event_type: 'x', payload: {} })));
const clear = { headers, value: values[1], offset: 1 };
const group = sealRecords(headers, values, key, systemRandom);
const sealed = { headers: group.headers, value: group.values[1], offset: 1 };
const isEvent = createIsEvent(async (id) => (id === key.id ? key : null));

it.each([
  ['in clear', clear],
  ['sealed', sealed],
])('an event that waits %s is known by its id, to its tenant', async (_, record) => {
  expect(await isEvent(record, 't', 'b')).toBe(true);
  expect(await isEvent(record, 't', 'a')).toBe(false);
  expect(await isEvent(record, 'another', 'b')).toBe(false);
});

it('of what cannot be opened it is not known', async () => {
  const without = [
    async () => null,
    () => Promise.reject(new Error('away')),
    async () => ({ ...key, id: 'd2026-11-22', key: Buffer.alloc(32) }),
  ];
  for (const find of without) expect(await createIsEvent(find)(sealed, 't', 'b')).not.toBe(true);
  expect(await createIsEvent(async () => null)(sealed, 't', 'b')).toBeNull();
});
