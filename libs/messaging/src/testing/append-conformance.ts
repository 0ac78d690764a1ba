import { newAppendId } from '../append-id';
import { APPEND_LIMITS } from '../placement';
import type { BatchHeader } from '../port';
import type { ConformanceCapabilities, ConformanceHarness } from './harness';
import { batchOf, codeOf, freshTopic, nextOf, numbered, record, take, valuesOf } from './records';

export function appendConformance(harness: () => ConformanceHarness, able: ConformanceCapabilities): void {
  describe('append', () => {
    it('is durable once it resolves: a process that comes later reads every byte', async () => {
      const writer = await harness().open();
      const topic = await freshTopic(writer, { partitions: 1 });
      await writer.ensureGroup(topic, 'readers');
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const header: BatchHeader = {
        appendId: newAppendId(),
        producer: { incarnation: 'gateway-1', sequence: 41 },
        counts: [{ tenant: 'default', source: 'zero\u0000byte', hour: '2026-11-21T09:00:00.000Z', count: 2 }],
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      };
      await writer.append(topic, {
        header,
        records: [
          { key: 'schlüssel', headers: { 'ce-id': '1', at: '2026-11-21T09:00:00.000Z' }, value: every },
          { key: null, headers: {}, value: Buffer.alloc(0) },
        ],
      });
      await harness().crash(writer);

      const reader = await harness().open();
      const delivery = await nextOf(await reader.subscribe({ topic, group: 'readers' }));
      const records = delivery.batches.flatMap((batch) => batch.records);
      expect(records.map(({ key, headers, value }) => ({ key, headers, value }))).toEqual([
        { key: 'schlüssel', headers: { 'ce-id': '1', at: '2026-11-21T09:00:00.000Z' }, value: every },
        { key: null, headers: {}, value: Buffer.alloc(0) },
      ]);
      if (able.batchHeaders) expect(delivery.batches.map((batch) => batch.header)).toEqual([header]);
      expect(Math.abs(delivery.batches[0].appendedAt.getTime() - Date.now())).toBeLessThan(60_000);
    });

    it('keeps what it stored apart from the caller, who may write over it', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      await messaging.ensureGroup(topic, 'readers');
      const batch = batchOf('before');
      await messaging.append(topic, batch);
      batch.records[0].value.fill('x');
      expect(await take(await messaging.subscribe({ topic, group: 'readers' }), 1)).toEqual(['before']);
    });

    it('puts equal keys into one partition, in order', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 4 });
      const keys = numbered('key-', 16);
      for (let round = 0; round < 5; round++) {
        await messaging.append(topic, {
          header: { appendId: newAppendId() },
          records: keys.map((key) => record(`${key}:${round}`, key)),
        });
      }
      const subscription = await messaging.subscribe({ topic, group: 'readers' });
      const seen = new Map<string, { partitions: Set<string>; values: string[] }>();
      for (let count = 0; count < 80;) {
        const delivery = await nextOf(subscription);
        for (const { key, value } of delivery.batches.flatMap((batch) => batch.records)) {
          const of = seen.get(key ?? '') ?? { partitions: new Set(), values: [] };
          of.partitions.add(delivery.partition);
          of.values.push(value.toString());
          seen.set(key ?? '', of);
        }
        count += delivery.count;
        await delivery.ack();
      }
      expect([...seen.keys()].sort()).toEqual([...keys].sort());
      for (const [key, { partitions, values }] of seen) {
        expect(partitions.size).toBe(1);
        expect(values).toEqual(numbered(`${key}:`, 5));
      }
      expect(new Set([...seen.values()].flatMap(({ partitions }) => [...partitions])).size).toBeGreaterThan(1);
    });

    if (able.positions) {
      it('gives gap-free offsets to appends at the same time', async () => {
        const [first, second] = [await harness().open(), await harness().open()];
        const topic = await freshTopic(first, { partitions: 2 });
        const results = await Promise.all(
          Array.from({ length: 60 }, (_, i) =>
            (i % 2 ? first : second).append(topic, batchOf(...numbered(`${i}-`, 1 + (i % 5)))),
          ),
        );
        const next = new Map<string, number>();
        for (const { partition, base, count } of results.flat().sort((a, b) => (a.base ?? 0) - (b.base ?? 0))) {
          expect(base).toBe(next.get(partition) ?? 0);
          next.set(partition, (base ?? 0) + count);
        }
        expect(next).toEqual(new Map([...(await first.ends(topic))].filter(([, end]) => end > 0)));
        expect(next.size).toBe(2);
      });

      it('puts records without keys into the partition that is named', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 3 });
        for (const partition of ['2', '0', '2']) {
          const [appended] = await messaging.append(topic, batchOf('a', 'b'), { partition });
          expect(appended.partition).toBe(partition);
        }
        expect([...(await messaging.ends(topic))].sort()).toEqual([
          ['0', 2],
          ['1', 0],
          ['2', 4],
        ]);
        expect(await codeOf(messaging.append(topic, batchOf('a'), { partition: '3' }))).toBe('MESSAGING_NO_TOPIC');
      });

      it('adds partitions to a topic, and groups read them', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 1 });
        const subscription = await messaging.subscribe({ topic, group: 'readers' });
        await messaging.append(topic, batchOf('before'));
        await (await harness().open()).ensureTopic(topic, { partitions: 3 });
        await messaging.append(topic, batchOf('after'), { partition: '2' });
        expect((await take(subscription, 2)).sort()).toEqual(['after', 'before']);
      });
    }

    if (able.idempotentAppends) {
      it('stores one batch for one append id, however often and however concurrently', async () => {
        const [first, second] = [await harness().open(), await harness().open()];
        const topic = await freshTopic(first, { partitions: 4 });
        const batch = batchOf('a', 'b', 'c');
        const original = await first.append(topic, batch);
        const repeats = await Promise.all(
          Array.from({ length: 10 }, (_, i) => (i % 2 ? first : second).append(topic, batch)),
        );
        for (const repeat of repeats) expect(repeat).toEqual(original);
        const racing = batchOf('d');
        const raced = await Promise.all(
          Array.from({ length: 10 }, (_, i) => (i % 2 ? first : second).append(topic, racing)),
        );
        for (const result of raced) expect(result).toEqual(raced[0]);
        const ends = await first.ends(topic);
        expect([...ends.values()].reduce((sum, end) => sum + end, 0)).toBe(4);
      });

      it('stores a batch that spans partitions once and whole', async () => {
        const messaging = await harness().open();
        const topic = await freshTopic(messaging, { partitions: 4 });
        const batch = {
          header: { appendId: newAppendId() },
          records: numbered('k', 32).map((key) => record(key, key)),
        };
        const results = await Promise.all(Array.from({ length: 6 }, () => messaging.append(topic, batch)));
        for (const result of results) expect(result).toEqual(results[0]);
        expect(results[0].map(({ partition }) => partition)).toEqual(['0', '1', '2', '3']);
        const values = await take(await messaging.subscribe({ topic, group: 'readers' }), 32);
        expect([...values].sort()).toEqual(numbered('k', 32).sort());
      });
    }

    it('refuses what it cannot keep, with a code', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 2 });
      expect(await messaging.append(topic, batchOf())).toEqual([]);
      expect(await codeOf(messaging.append('no.such.topic', batchOf('a')))).toBe('MESSAGING_NO_TOPIC');
      const large = { ...batchOf(), records: [{ headers: {}, value: Buffer.alloc(APPEND_LIMITS.recordBytesMax + 1) }] };
      expect(await codeOf(messaging.append(topic, large))).toBe('MESSAGING_TOO_LARGE');
      await expect(messaging.append(topic, { ...batchOf('a'), header: { appendId: 'not a uuid' } })).rejects.toThrow(
        TypeError,
      );
      const miscounted = { appendId: newAppendId(), counts: [{ tenant: 't', source: 's', hour: 'h', count: 2 }] };
      await expect(messaging.append(topic, { ...batchOf('a'), header: miscounted })).rejects.toThrow(TypeError);
    });

    it('takes the largest record that it allows', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      const large = {
        ...batchOf(),
        records: [{ headers: {}, value: Buffer.alloc(APPEND_LIMITS.recordBytesMax, 'z') }],
      };
      await messaging.append(topic, large);
      const delivery = await nextOf(await messaging.subscribe({ topic, group: 'readers', bytesMax: 1_000 }));
      expect(delivery.count).toBe(1);
      expect(valuesOf(delivery)[0] === 'z'.repeat(APPEND_LIMITS.recordBytesMax)).toBe(true);
    });

    it('answers MESSAGING_CLOSED once closed', async () => {
      const messaging = await harness().open();
      const topic = await freshTopic(messaging, { partitions: 1 });
      await messaging.close();
      expect(await codeOf(messaging.append(topic, batchOf('a')))).toBe('MESSAGING_CLOSED');
      expect(await codeOf(messaging.subscribe({ topic, group: null }))).toBe('MESSAGING_CLOSED');
    });
  });
}
