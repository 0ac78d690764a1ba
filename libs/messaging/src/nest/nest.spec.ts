import 'reflect-metadata';
import { currentTraceparent, withTraceparent } from '@millrace/observability';
import { Controller, type INestMicroservice } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { createMemoryMessaging, type MemoryMessaging } from '../memory';
import { until } from '../testing/records';
import { MessageContext, MessagingServer, publishJson } from './index';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const heard: unknown[] = [];
let failures = 0;

@Controller()
class Listener {
  @EventPattern('tables.changed')
  wake(@Payload() value: unknown, @Ctx() context: MessageContext): void {
    heard.push(['wake', value, context.message.topic, currentTraceparent()?.slice(0, 35)]);
  }

  @EventPattern('tables.changed', { group: 'readers' })
  async read(@Payload() value: { n: number }): Promise<void> {
    if (value.n === 2 && failures-- > 0) throw new Error('the second message fails for now');
    heard.push(['read', value.n]);
  }

  @EventPattern('tables.changed', { group: 'readers' })
  alsoRead(@Payload() value: { n: number }): void {
    heard.push(['also', value.n]);
  }
}

@Controller()
class Replier {
  @MessagePattern('tables.changed')
  reply(): string {
    return 'no';
  }
}

async function start(
  messaging: MemoryMessaging,
  controller: new () => unknown,
  errors: unknown[],
): Promise<INestMicroservice> {
  const strategy = new MessagingServer({ messaging, retryMs: 5, onError: (error) => errors.push(error) });
  const module = await Test.createTestingModule({ controllers: [controller] }).compile();
  const app = module.createNestMicroservice({ strategy, logger: false });
  await app.listen();
  return app;
}

describe('Nest over messaging', () => {
  let messaging: MemoryMessaging;
  let app: INestMicroservice | undefined;
  const errors: Error[] = [];
  const of = (name: string): unknown[] =>
    heard.filter((entry) => (entry as unknown[])[0] === name).map((entry) => (entry as unknown[])[1]);

  beforeEach(async () => {
    heard.length = errors.length = failures = 0;
    messaging = createMemoryMessaging({ leaseMs: 500 });
    await messaging.ensureTopic('tables.changed', { partitions: 1 });
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await messaging.close();
  });

  it('gives a handler the JSON that was published, within the trace it was published in', async () => {
    app = await start(messaging, Listener, errors);
    await withTraceparent(TRACE, () => publishJson(messaging, 'tables.changed', { n: 1, text: 'ä' }));
    await until(() => of('wake').length === 1);
    expect(heard).toContainEqual(['wake', { n: 1, text: 'ä' }, 'tables.changed', TRACE.slice(0, 35)]);
  });

  it('lets a group catch up on what was sent before, and a handler without a group hear only the present', async () => {
    await publishJson(messaging, 'tables.changed', { n: 1 });
    app = await start(messaging, Listener, errors);
    await publishJson(messaging, 'tables.changed', { n: 3 });
    await until(() => of('also').length === 2);
    expect(of('read')).toEqual([1, 3]);
    expect(of('wake')).toEqual([{ n: 3 }]);
  });

  it('handles a message again until no handler fails, in order, and repeats none that succeeded', async () => {
    failures = 3;
    await messaging.ensureGroup('tables.changed', 'readers');
    for (const n of [1, 2, 3]) await publishJson(messaging, 'tables.changed', { n });
    app = await start(messaging, Listener, errors);
    await until(() => of('also').length === 3);
    expect(of('read')).toEqual([1, 2, 3]);
    expect(errors).toHaveLength(3);
    await until(async () => (await messaging.committed('tables.changed', 'readers')).get('0') === 3);
  });

  it('passes over a message that is not JSON, and says so', async () => {
    app = await start(messaging, Listener, errors);
    const header = { appendId: 'b6d0f7a4-7e0f-4f3e-9a39-0a5f3f2d9c11' };
    await messaging.append('tables.changed', { header, records: [{ headers: {}, value: Buffer.from('{') }] });
    await publishJson(messaging, 'tables.changed', { n: 4 });
    await until(() => of('also').length === 1);
    expect(errors.map(({ message }) => message)).toContain('a message of tables.changed is not JSON');
  });

  it('keeps trying to subscribe to a topic that is not there yet', async () => {
    const other = createMemoryMessaging();
    const strategy = new MessagingServer({
      messaging: other,
      retryMs: 5,
      onError: (error) => errors.push(error as Error),
    });
    const module = await Test.createTestingModule({ controllers: [Listener] }).compile();
    const early = module.createNestMicroservice({ strategy, logger: false });
    await early.listen();
    expect(strategy.ready()).toBe('not subscribed to tables.changed');
    await other.ensureTopic('tables.changed', { partitions: 1 });
    await until(() => strategy.ready() === true);
    await publishJson(other, 'tables.changed', { n: 5 });
    await until(() => of('also').length === 1 && of('wake').length === 1);
    await early.close();
    await other.close();
  });

  it('refuses handlers that would reply', async () => {
    await expect(start(messaging, Replier, errors)).rejects.toThrow('use @EventPattern');
  });
});
