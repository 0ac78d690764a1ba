import type { ConformanceCapabilities, ConformanceHarness } from './harness';
import { batchOf, freshTopic, nextOf, numbered, take, total, valuesOf, waits } from './records';

export function deliveryConformance(harness: () => ConformanceHarness, able: ConformanceCapabilities): void {
  describe('delivery', () => {
    it('reaches every group once each, and every record is there', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 3 });
      for (let i = 0; i < 20; i++) await messaging.append(topic, batchOf(...numbered(`${i}-`, 10)));
      const expected = Array.from({ length: 20 }, (_, i) => numbered(`${i}-`, 10))
        .flat()
        .sort();
      for (const group of ['one', 'two']) {
        const subscription = await messaging.subscribe({ topic, group });
        expect((await take(subscription, 200)).sort()).toEqual(expected);
        expect(await waits(subscription.next())).toBe(true);
      }
    });

    it('delivers what is appended while a reader waits', async () => {
      const [writer, reader] = [await harness().open(), await harness().open()];
      const topic = await freshTopic(writer, { partitions: 2 });
      const subscription = await reader.subscribe({ topic, group: 'readers' });
      const waiting = nextOf(subscription);
      expect(await waits(waiting)).toBe(true);
      await writer.append(topic, batchOf('news'));
      expect(valuesOf(await waiting)).toEqual(['news']);
    });

    if (able.positions) {
      it('is in order and without gaps within a partition', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        for (let i = 0; i < 30; i++) await messaging.append(topic, batchOf(...numbered(`${i}-`, 7)));
        const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 50 });
        let next = 0;
        const values: string[] = [];
        while (next < 210) {
          const delivery = await nextOf(subscription);
          expect(delivery.range).toEqual({ from: next, to: next + delivery.count });
          const offsets = delivery.batches.flatMap(({ records }) => records.map(({ offset }) => offset));
          expect(offsets).toEqual(Array.from({ length: delivery.count }, (_, i) => next + i));
          values.push(...valuesOf(delivery));
          next += delivery.count;
          await delivery.ack();
        }
        expect(values).toEqual(Array.from({ length: 30 }, (_, i) => numbered(`${i}-`, 7)).flat());
        expect(await total(messaging.committed(topic, 'readers'))).toBe(210);
      });
    }

    it('keeps to its limits of records and bytes, splitting a stored batch that alone exceeds them', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      await messaging.append(topic, batchOf(...numbered('a', 25)));
      await messaging.append(topic, batchOf('x'.repeat(1_000), 'y'.repeat(30), 'z'.repeat(30)));
      const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 10, bytesMax: 100 });
      const values: string[] = [];
      while (values.length < 28) {
        const delivery = await nextOf(subscription);
        const bytes = valuesOf(delivery).join('').length;
        expect(delivery.count).toBeLessThanOrEqual(10);
        expect(bytes <= 100 || delivery.count === 1).toBe(true);
        expect(valuesOf(delivery)).toHaveLength(delivery.count);
        values.push(...valuesOf(delivery));
        await delivery.ack();
      }
      expect(values).toEqual([...numbered('a', 25), 'x'.repeat(1_000), 'y'.repeat(30), 'z'.repeat(30)]);
    });

    if (able.batchHeaders) {
      it('gives headers without bodies, with the size of each stored batch', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        const batches = [batchOf('a', 'b'), batchOf('c', 'd', 'e')];
        for (const batch of batches) await messaging.append(topic, batch);
        const delivery = await nextOf(await messaging.subscribe({ topic, group: 'counters', headersOnly: true }));
        expect(delivery.batches.map(({ header, size, records }) => ({ header, size, records }))).toEqual([
          { header: batches[0].header, size: 2, records: [] },
          { header: batches[1].header, size: 3, records: [] },
        ]);
        expect(delivery.count).toBe(5);
        await delivery.ack();
        if (able.positions) expect(await total(messaging.committed(topic, 'counters'))).toBe(5);
      });
    }

    it('lingers for more, yet not longer than it was told', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      const subscription = await messaging.subscribe({ topic, group: 'readers', lingerMs: 1_500, eventsMax: 1_000 });
      const waiting = nextOf(subscription);
      const began = performance.now();
      for (let i = 0; i < 5; i++) await messaging.append(topic, batchOf(`${i}`));
      const delivery = await waiting;
      expect(valuesOf(delivery)).toEqual(numbered('', 5));
      expect(performance.now() - began).toBeGreaterThan(1_200);
    });

    it('does not linger once there is as much as it may deliver', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      const subscription = await messaging.subscribe({ topic, group: 'readers', lingerMs: 60_000, eventsMax: 1_000 });
      const full = nextOf(subscription);
      const began = performance.now();
      await messaging.append(topic, batchOf(...numbered('', 1_000)));
      expect((await full).count).toBe(1_000);
      expect(performance.now() - began).toBeLessThan(30_000);
    });

    it('hands out no more than it may before something is acknowledged', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      for (let i = 0; i < 4; i++) await messaging.append(topic, batchOf(`${i}`));
      const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 1, inFlightMax: 2 });
      const [first, second] = [await nextOf(subscription), await nextOf(subscription)];
      const third = nextOf(subscription);
      expect(await waits(third)).toBe(true);
      await first.ack();
      expect([first, second, await third].flatMap(valuesOf)).toEqual(['0', '1', '2']);
    });

    if (able.positions) {
      it('counts an acknowledgement for everything before it', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        for (let i = 0; i < 3; i++) await messaging.append(topic, batchOf(`${i}`));
        const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 1 });
        await nextOf(subscription);
        await (await nextOf(subscription)).ack();
        expect(await total(messaging.committed(topic, 'readers'))).toBe(2);
      });

      it('hands back a rejected delivery and what was read after it, and hears no late acknowledgement of those', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        for (let i = 0; i < 4; i++) await messaging.append(topic, batchOf(`${i}`));
        const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 1 });
        const first = await nextOf(subscription);
        const [second, third] = [await nextOf(subscription), await nextOf(subscription)];
        await first.ack();
        await second.nack(200);
        await third.ack();
        expect(await total(messaging.committed(topic, 'readers'))).toBe(1);
        const again = nextOf(subscription);
        expect(await waits(again, 100)).toBe(true);
        expect(valuesOf(await again)).toEqual(['1']);
        expect(third.signal.aborted).toBe(false);
        await (await again).ack();
        expect(await take(subscription, 2)).toEqual(['2', '3']);
      });
    } else {
      it('delivers a rejected delivery again', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        await messaging.append(topic, batchOf('a'));
        const subscription = await messaging.subscribe({ topic, group: 'readers' });
        await (await nextOf(subscription)).nack();
        expect(await take(subscription, 1)).toEqual(['a']);
      });
    }

    it('shows an ephemeral reader what comes from now on, each reader all of it', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 2 });
      await messaging.append(topic, batchOf('old'));
      const readers = [
        await messaging.subscribe({ topic, group: null }),
        await (await harness().open()).subscribe({ topic, group: null }),
      ];
      for (let i = 0; i < 10; i++) await messaging.append(topic, batchOf(`${i}`));
      for (const reader of readers) expect((await take(reader, 10)).sort()).toEqual(numbered('', 10));
    });

    it('ends with close: next() gives null, what is in flight may still be acknowledged', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      await messaging.append(topic, batchOf('a'));
      await messaging.append(topic, batchOf('b'));
      const subscription = await messaging.subscribe({ topic, group: 'readers', eventsMax: 1, inFlightMax: 1 });
      const delivery = await nextOf(subscription);
      const waiting = subscription.next();
      const closed = subscription.close();
      expect(await waiting).toBeNull();
      expect(delivery.signal.aborted).toBe(false);
      await delivery.ack();
      await closed;
      expect(delivery.signal.aborted).toBe(true);
      expect(await subscription.next()).toBeNull();
      expect(await take(await messaging.subscribe({ topic, group: 'readers' }), 1)).toEqual(['b']);
    });
  });
}
