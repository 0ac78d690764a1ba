import type { Messaging, SubscribeOptions } from '@millrace/messaging';
import type { Lander } from '../landing/lander';
import type { LandingStore } from '../landing/port';
import { Session } from './session';

const unused = (): never => {
  throw new Error('not called here');
};

test('a partition that is given again while it is being taken is in the hands of the later assignment alone', async () => {
  let subscribed: SubscribeOptions | null = null;
  const asked: ((position: number) => void)[] = [];
  const taken: number[] = [];
  let end = (): void => undefined;
  const session = new Session(
    1,
    {
      messaging: {
        committed: () => new Promise((resolve) => asked.push((position) => resolve(new Map([['0', position]])))),
        subscribe: async (options: SubscribeOptions) => {
          subscribed = options;
          return {
            next: () => new Promise((resolve) => (end = () => resolve(null))),
            close: async () => end(),
          };
        },
      } as unknown as Messaging,
      store: {
        heartbeat: async () => true,
        take: async (_id, _epoch, next) => {
          taken.push(next);
          return { next, attempts: 0, suspectTo: null };
        },
      } as Partial<LandingStore> as LandingStore,
      lander: {} as Lander,
      failpoint: async () => undefined,
      timers: { every: () => () => undefined, sleep: unused },
      logger: { info: () => undefined, warn: unused, error: unused } as never,
      onLanded: unused,
      retryInMs: unused,
    },
    {
      ...{ topic: 'events.inbound', group: 'curation', eventsMax: 1, bytesMax: 1, lingerMs: 0 },
      ...{ deliveriesMax: 1, landingsMax: 1, heartbeatMs: 1_000 },
    },
  );
  const running = session.run();
  await new Promise(setImmediate);
  const { onAssigned, onRevoked } = subscribed as unknown as Required<SubscribeOptions>;

  const first = onAssigned('0') as Promise<number>;
  onRevoked('0');
  const second = onAssigned('0') as Promise<number>;
  const [answerFirst, answerSecond] = asked;
  answerSecond(500);
  expect(await second).toBe(500);
  answerFirst(40);
  await expect(first).rejects.toThrow('revoked');
  expect(session.partitions.get('0')?.next).toBe(500);
  expect(taken).toEqual([500]);

  await session.close();
  await running;
});
