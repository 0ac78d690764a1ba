import type { ConformanceCapabilities, ConformanceHarness } from './harness';
import { batchOf, codeOf, consume, freshTopic, nextOf, numbered, take, until } from './records';

const KILOBYTES = (count: number): string => 'k'.repeat(count * 1_000);

export function retentionConformance(harness: () => ConformanceHarness, able: ConformanceCapabilities): void {
  if (!able.bounded) return;

  describe('retention', () => {
    it('trims the oldest beyond its bytes, never what the slowest group has not read', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1, bytesMax: 10_000 });
      await messaging.ensureGroup(topic, 'fast');
      await messaging.ensureGroup(topic, 'slow');
      for (let i = 0; i < 9; i++) await messaging.append(topic, batchOf(KILOBYTES(1)));
      await take(await messaging.subscribe({ topic, group: 'fast' }), 9);
      expect(await messaging.trim(topic)).toBe(0);
      const slow = await messaging.subscribe({ topic, group: 'slow', eventsMax: 1 });
      await take(slow, 3);
      const trimmed = await messaging.trim(topic);
      expect(trimmed).toBeGreaterThan(0);
      expect(trimmed).toBeLessThanOrEqual(3);
      expect(await take(slow, 6)).toEqual(Array.from({ length: 6 }, () => KILOBYTES(1)));
    });

    it('refuses appends when unread batches fill it, and takes them again once they are read', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 2, bytesMax: 20_000 });
      await messaging.ensureGroup(topic, 'readers');
      const kept = batchOf(KILOBYTES(1));
      await messaging.append(topic, kept);
      let stored = 1;
      while (!(await codeOf(messaging.append(topic, batchOf(KILOBYTES(1))))))
        if (++stored > 40) throw new Error('never full');
      expect(await codeOf(messaging.append(topic, batchOf(KILOBYTES(1))))).toBe('MESSAGING_FULL');
      expect(stored).toBeGreaterThan(15);
      // What is stored already is no growth: its repetition is answered even now.
      expect((await messaging.append(topic, kept))[0].base).toBe(0);
      await take(await messaging.subscribe({ topic, group: 'readers' }), stored);
      await messaging.append(topic, batchOf('fits'));
    });

    it('tells how full it is and how far each group is behind', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 2, bytesMax: 20_000 });
      expect(await messaging.backlog(topic)).toEqual({ bytes: 0, bytesMax: 20_000, groups: [] });
      await messaging.ensureGroup(topic, 'fast');
      await messaging.ensureGroup(topic, 'slow');
      for (let i = 0; i < 4; i++)
        await messaging.append(topic, batchOf(...numbered(`${i}`, 3)), { partition: String(i % 2) });
      await new Promise((resolve) => setTimeout(resolve, 50));
      await messaging.append(topic, batchOf(KILOBYTES(1)), { partition: '0' });
      await take(await messaging.subscribe({ topic, group: 'fast' }), 13);
      const { bytes, groups } = await messaging.backlog(topic);
      expect(bytes).toBeGreaterThan(1_000);
      expect(groups).toEqual([
        { group: 'fast', records: 0, ageMs: 0 },
        { group: 'slow', records: 13, ageMs: expect.any(Number) },
      ]);
      expect(groups[1].ageMs).toBeGreaterThanOrEqual(50);
    });

    it('never refuses while everything is being read', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1, bytesMax: 20_000 });
      const { values } = consume(await messaging.subscribe({ topic, group: 'readers', inFlightMax: 1 }));
      for (let i = 0; i < 60; i++) {
        await messaging.append(topic, batchOf(KILOBYTES(1)));
        await until(() => values.length > i - 5);
      }
      await until(() => values.length === 60);
    });

    it('trims what is older than its age', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 2, retentionMs: 300 });
      for (let i = 0; i < 4; i++) await messaging.append(topic, batchOf(`old ${i}`), { partition: String(i % 2) });
      expect(await messaging.trim(topic)).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 600));
      await messaging.append(topic, batchOf('new'), { partition: '0' });
      expect(await messaging.trim(topic)).toBe(4);
      expect(await take(await messaging.subscribe({ topic, group: 'late' }), 1)).toEqual(['new']);
    });

    if (able.positions) {
      it('stops only the partition whose position was trimmed away', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 2, bytesMax: 10_000 });
        for (let i = 0; i < 9; i++) await messaging.append(topic, batchOf(KILOBYTES(1)), { partition: '0' });
        await messaging.append(topic, batchOf('here'), { partition: '1' });
        expect(await messaging.trim(topic)).toBeGreaterThan(0);
        const subscription = await messaging.subscribe({ topic, group: 'late', onAssigned: async () => 0 });
        const outcomes = [];
        for (let i = 0; i < 2; i++)
          outcomes.push(
            await nextOf(subscription).then(
              ({ partition }) => partition,
              ({ code }) => code,
            ),
          );
        expect(outcomes.sort()).toEqual(['1', 'MESSAGING_POSITION_LOST']);
        await messaging.append(topic, batchOf('more'), { partition: '0' });
        await messaging.append(topic, batchOf(...numbered('more', 2)), { partition: '1' });
        expect((await nextOf(subscription)).partition).toBe('1');
      });
    }
  });
}
