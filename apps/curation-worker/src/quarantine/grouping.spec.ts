import { groupId, groupOf } from './grouping';

const truncated = (byte: number) => ({
  reason: 'invalid_json',
  rule: `an item is one JSON text (RFC 8259); this one ends too early, at byte ${byte}`,
  path: `$.payload.x${byte}`,
});

test('items that end too early are one group, wherever they end and whatever was salvaged of them', () => {
  const [a, b] = [groupOf(truncated(10), null, 'shipment.status.changed'), groupOf(truncated(999), null, null)];
  expect(groupId(a)).toBe(groupId(b));
  expect(a).toMatchObject({ path: '$', eventType: null });
  expect(a.rule).not.toMatch(/\d+$/);
});

test('a violation is grouped by field, list positions apart', () => {
  const violation = (path: string) =>
    groupOf({ reason: 'wrong_type', rule: 'weight must be a number', path }, 'parcels', 'parcel.weighed');
  expect(groupId(violation('$.payload.items[3].weight'))).toBe(groupId(violation('$.payload.items[41].weight')));
  expect(groupId(violation('$.payload.items[3].weight'))).not.toBe(groupId(violation('$.payload.items[3].height')));
});

test('contract and event type tell groups apart', () => {
  const refusal = { reason: 'missing_required', rule: 'id is required', path: '$.payload.id' };
  const ids = [groupOf(refusal, 'a', 't'), groupOf(refusal, 'b', 't'), groupOf(refusal, 'a', 'u')].map(groupId);
  expect(new Set(ids).size).toBe(3);
});
