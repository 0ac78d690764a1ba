import { createMemoryMessaging, MemoryLog } from '../memory';
import { MessagingError } from '../port';
import { ManualTime } from '../testing';
import { batchOf, nextOf, valuesOf } from '../testing/records';

const LEASE_MS = 10_000;

describe('a lease that cannot be renewed', () => {
  const time = new ManualTime();
  const log = new MemoryLog(time);
  let away = false;
  const cutOff = (): void => {
    if (away) throw new MessagingError('MESSAGING_UNAVAILABLE', 'cut off');
  };
  const holder = createMemoryMessaging({ log, timers: time, leaseMs: LEASE_MS, fault: cutOff });
  const other = createMemoryMessaging({ log, timers: time, leaseMs: LEASE_MS });

  it('ends at its holder before another member can have the partition', async () => {
    await holder.ensureTopic('t', { partitions: 1 });
    await holder.append('t', batchOf('a'));
    const revoked: string[] = [];
    const held = await holder.subscribe({ topic: 't', group: 'g', onRevoked: (partition) => revoked.push(partition) });
    const pending = nextOf(held);
    await time.advance(0);
    const delivery = await pending;
    const waiting = await other.subscribe({ topic: 't', group: 'g' });

    away = true;
    let stoppedAfterMs = 0;
    while (!delivery.signal.aborted) {
      expect(waiting.partitions()).toEqual([]);
      await time.advance(100);
      stoppedAfterMs += 100;
      if (stoppedAfterMs > 2 * LEASE_MS) throw new Error('never stopped');
    }
    expect(revoked).toEqual(['0']);
    expect(held.partitions()).toEqual([]);
    // The last renewal came up to a third of a lease before it was cut off.
    expect(stoppedAfterMs).toBeGreaterThan(LEASE_MS / 2);
    expect(stoppedAfterMs).toBeLessThan(LEASE_MS);

    const heir = nextOf(waiting);
    await time.advance(LEASE_MS);
    const again = await heir;
    expect(valuesOf(again)).toEqual(['a']);
    expect(again.attempts).toBe(1);

    away = false;
    await delivery.ack();
    await time.advance(LEASE_MS);
    expect([...(await other.committed('t', 'g')).values()]).toEqual([0]);
    await again.ack();
    expect([...(await other.committed('t', 'g')).values()]).toEqual([1]);
  });

  it('counts takeovers for as long as the position stands still', async () => {
    await other.append('t', batchOf('b'));
    holder.crash();
    other.crash();
    const attempts: number[] = [];
    for (let i = 0; i < 4; i++) {
      const doomed = createMemoryMessaging({ log, timers: time, leaseMs: LEASE_MS });
      const pending = doomed.subscribe({ topic: 't', group: 'g' }).then(nextOf);
      await time.advance(2 * LEASE_MS);
      const delivery = await pending;
      attempts.push(delivery.attempts);
      if (i === 2) await delivery.ack();
      if (i === 2) await doomed.append('t', batchOf('c'));
      doomed.crash();
    }
    expect(attempts).toEqual([0, 1, 2, 0]);
  });
});
