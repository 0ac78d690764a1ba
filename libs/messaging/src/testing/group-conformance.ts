import type { Subscription } from '../port';
import type { ConformanceCapabilities, ConformanceHarness } from './harness';
import { batchOf, consume, freshTopic, nextOf, numbered, take, total, until, valuesOf, waits } from './records';

export function groupConformance(harness: () => ConformanceHarness, able: ConformanceCapabilities): void {
  describe('group', () => {
    it('begins where it was registered to begin', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      await messaging.append(topic, batchOf('old'));
      await messaging.ensureGroup(topic, 'latest', 'latest');
      await messaging.ensureGroup(topic, 'latest', 'earliest');
      await messaging.append(topic, batchOf('new'));
      expect(await take(await messaging.subscribe({ topic, group: 'latest' }), 1)).toEqual(['new']);
      expect(await take(await messaging.subscribe({ topic, group: 'earliest' }), 2)).toEqual(['old', 'new']);
    });

    it('delivers again what a dead member did not acknowledge, and only that', async () => {
      const doomed = await harness().open();
      const topic = await freshTopic(doomed, { partitions: 1 });
      for (let i = 0; i < 3; i++) await doomed.append(topic, batchOf(`${i}`));
      const subscription = await doomed.subscribe({ topic, group: 'readers', eventsMax: 1 });
      await (await nextOf(subscription)).ack();
      const unacknowledged = await nextOf(subscription);
      await harness().crash(doomed);
      expect(unacknowledged.signal.aborted).toBe(true);

      const heir = await harness().open();
      const began = performance.now();
      const delivery = await nextOf(await heir.subscribe({ topic, group: 'readers', eventsMax: 1 }));
      expect(valuesOf(delivery)).toEqual(['1']);
      expect(delivery.attempts).toBe(able.positions ? 0 : delivery.attempts);
      expect(performance.now() - began).toBeLessThan(able.takeoverMs);
    });

    if (able.partitionedGroups) {
      it('shares partitions fairly as members come and go', async () => {
        const engines = [await harness().open(), await harness().open(), await harness().open()];
        const topic = await freshTopic(engines[0], { partitions: 8 });
        const members: Subscription[] = [];
        const share = (): number[] => members.map((member) => member.partitions().length).sort();
        for (const [expected, engine] of [
          [[8], engines[0]],
          [[4, 4], engines[1]],
          [[2, 3, 3], engines[2]],
        ] as const) {
          members.push(await engine.subscribe({ topic, group: 'sharers' }));
          await until(() => String(share()) === String(expected), 30_000, `${expected}, now ${share()}`);
          expect(new Set(members.flatMap((member) => member.partitions())).size).toBe(8);
        }
        await members.shift()?.close();
        await until(() => String(share()) === '4,4');
      });

      it('has each record handled once by members that share and lose nothing when one leaves', async () => {
        const [writer, first, second] = [await harness().open(), await harness().open(), await harness().open()];
        const topic = await freshTopic(writer, { partitions: 4 });
        const one = await first.subscribe({ topic, group: 'sharers' });
        const two = await second.subscribe({ topic, group: 'sharers' });
        await until(() => one.partitions().length === 2 && two.partitions().length === 2);
        const [readOne, readTwo] = [consume(one), consume(two)];
        for (let i = 0; i < 40; i++) {
          await writer.append(topic, batchOf(`${i}`), { partition: String(i % 4) });
          if (i !== 20) continue;
          await until(() => readOne.values.length > 0);
          await one.close();
        }
        await until(async () => (await total(writer.committed(topic, 'sharers'))) === 40);
        expect([...readOne.values, ...readTwo.values].sort()).toEqual(numbered('', 40).sort());
        expect(readTwo.values.length).toBeGreaterThanOrEqual(19);
      });

      it('gives a partition up to a new member only after its deliveries are acknowledged', async () => {
        const [first, second] = [await harness().open(), await harness().open()];
        const topic = await freshTopic(first, { partitions: 2 });
        for (const partition of ['0', '1']) await first.append(topic, batchOf(partition), { partition });
        const revoked: string[] = [];
        const one = await first.subscribe({
          topic,
          group: 'sharers',
          onRevoked: (partition) => revoked.push(partition),
        });
        const deliveries = [await nextOf(one), await nextOf(one)];
        const two = await second.subscribe({ topic, group: 'sharers' });
        expect(await waits(two.next(), 200)).toBe(true);
        expect(revoked).toEqual([]);
        for (const delivery of deliveries) await delivery.ack();
        await until(() => two.partitions().length === 1);
        expect(revoked).toEqual(two.partitions());
        expect(await total(first.committed(topic, 'sharers'))).toBe(2);
      });

      it('hands everything over at once when a member closes', async () => {
        const [first, second] = [await harness().open({ patient: true }), await harness().open({ patient: true })];
        const topic = await freshTopic(first, { partitions: 2 });
        const one = await first.subscribe({ topic, group: 'sharers' });
        const two = await second.subscribe({ topic, group: 'sharers' });
        await until(() => one.partitions().length === 1 && two.partitions().length === 1);
        const began = performance.now();
        await first.close();
        await until(() => two.partitions().length === 2);
        expect(performance.now() - began).toBeLessThan(30_000);
      });
    }

    if (able.positions) {
      it('asks the consumer where to start, again if it could not say', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 2 });
        for (const partition of ['0', '1']) await messaging.append(topic, batchOf('a', 'b', 'c', 'd'), { partition });
        const asked: string[] = [];
        const subscription = await messaging.subscribe({
          topic,
          group: 'readers',
          onAssigned: async (partition) => {
            asked.push(partition);
            if (partition === '0' && asked.filter((name) => name === '0').length === 1) throw new Error('not yet');
            return partition === '0' ? 3 : null;
          },
        });
        const deliveries = [await nextOf(subscription), await nextOf(subscription)].sort(
          (a, b) => +a.partition - +b.partition,
        );
        expect(deliveries.map(({ range }) => range)).toEqual([
          { from: 3, to: 4 },
          { from: 0, to: 4 },
        ]);
        expect(deliveries.map(valuesOf)).toEqual([['d'], ['a', 'b', 'c', 'd']]);
        expect(asked.sort()).toEqual(['0', '0', '1']);
      });

      it('stops only the partition whose position lies beyond the log, and resets nothing', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 2 });
        for (const partition of ['0', '1']) await messaging.append(topic, batchOf('a', 'b'), { partition });
        const beyond = await messaging.subscribe({
          topic,
          group: 'beyond',
          onAssigned: async (p) => (p === '0' ? 99 : null),
        });
        const outcomes = [];
        for (let i = 0; i < 2; i++)
          outcomes.push(
            await nextOf(beyond).then(
              ({ partition }) => partition,
              ({ code }) => code,
            ),
          );
        expect(outcomes.sort()).toEqual(['1', 'MESSAGING_POSITION_LOST']);
        expect((await messaging.committed(topic, 'beyond')).get('0')).toBe(0);
      });
    }
  });
}
