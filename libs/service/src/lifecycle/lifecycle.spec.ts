import { createLogger, type Random } from '@millrace/observability';
import fc from 'fast-check';
import { ResourceLifecycle } from './lifecycle';

const logger = createLogger({ service: 'test', level: 'silent' });
const random: Random = { next: () => 0.5, bytes: (n) => Buffer.alloc(n) };
const tick = (ms = 0) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const away = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

function lifecycle() {
  return new ResourceLifecycle({ logger, random, backoffMsMin: 1, backoffMsMax: 4, stopMsMax: 60 });
}

/** How one resource behaves: failures that pass before it starts, or one that does not, and how its stop goes. */
interface Behaviour {
  passing: number;
  broken: boolean;
  stop: 'well' | 'throws' | 'hangs';
}

function resource(name: string, behaviour: Partial<Behaviour>, log: string[]) {
  let left = behaviour.passing ?? 0;
  return {
    name,
    start: async () => {
      await tick();
      if (left-- > 0) throw away();
      if (behaviour.broken) throw new Error(`${name} is broken`);
      log.push(`start ${name}`);
    },
    stop: async () => {
      log.push(`stop ${name}`);
      if (behaviour.stop === 'throws') throw new Error(`${name} threw`);
      if (behaviour.stop === 'hangs') await new Promise(() => undefined);
    },
  };
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  passing: fc.integer({ min: 0, max: 2 }),
  broken: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  stop: fc.constantFrom<Behaviour['stop']>('well', 'well', 'throws', 'hangs'),
});

describe('lifecycle', () => {
  it('starts in order, rolls back on failure, stops each started resource once in reverse, whatever they do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { maxLength: 6 }), async (behaviours) => {
        const log: string[] = [];
        const owner = lifecycle();
        behaviours.forEach((b, i) => owner.add(resource(`r${i}`, b, log)));
        const firstBroken = behaviours.findIndex((b) => b.broken);
        const up = firstBroken === -1 ? behaviours.length : firstBroken;
        const names = Array.from({ length: up }, (_, i) => `r${i}`);

        const outcome = await owner.start().then(
          () => 'started',
          (error: Error) => error.message,
        );
        expect(outcome).toBe(firstBroken === -1 ? 'started' : `r${firstBroken} is broken`);
        expect(owner.started).toBe(firstBroken === -1);
        expect(owner.readiness().ready).toBe(firstBroken === -1);

        const errors = await owner.stop();
        expect(log).toEqual([...names.map((n) => `start ${n}`), ...names.reverse().map((n) => `stop ${n}`)]);
        expect(errors.length).toBe(behaviours.slice(0, up).filter((b) => b.stop !== 'well').length);
        expect(owner.readiness().ready).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps trying a resource that is away and says so in the meantime', async () => {
    const owner = lifecycle();
    let up = false;
    owner.add({
      name: 'postgres',
      start: async () => {
        if (!up) throw away();
      },
      stop: async () => undefined,
    });
    const started = owner.start();
    await tick(20);
    expect(owner.readiness()).toEqual({
      ready: false,
      resources: { postgres: 'starting: connect ECONNREFUSED 127.0.0.1:5432' },
    });
    up = true;
    await started;
    expect(owner.readiness()).toEqual({ ready: true, resources: { postgres: 'ready' } });
  });

  it('stops at once while it is trying again', async () => {
    const owner = new ResourceLifecycle({ logger, random, backoffMsMin: 60_000, backoffMsMax: 60_000 });
    const log: string[] = [];
    owner.add(resource('first', {}, log));
    owner.add(resource('away', { passing: 1000 }, log));
    void owner.start();
    await tick(20);
    const began = performance.now();
    expect(await owner.stop()).toEqual([]);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(log).toEqual(['start first', 'stop first']);
  });

  it('waits for a start under way and stops what it brought up', async () => {
    const owner = lifecycle();
    const log: string[] = [];
    let begun = () => undefined as void;
    const underWay = new Promise<void>((resolve) => (begun = resolve));
    owner.add({
      name: 'slow',
      start: async () => {
        begun();
        await tick(40);
        log.push('started');
      },
      stop: async () => void log.push('stopped'),
    });
    owner.add(resource('next', {}, log));
    const started = owner.start();
    await underWay;
    expect(await owner.stop()).toEqual([]);
    await started;
    expect(log).toEqual(['started', 'stopped']);
  });

  it('gives each resource its share of the time when one hangs', async () => {
    const owner = lifecycle();
    const log: string[] = [];
    owner.add(resource('a', {}, log));
    owner.add(resource('b', { stop: 'hangs' }, log));
    owner.add(resource('c', {}, log));
    await owner.start();
    const began = performance.now();
    const errors = await owner.stop(100);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(errors.map((error) => error.message)).toEqual([
      expect.stringMatching(/^b did not stop: still not done after/),
    ]);
    expect(log.slice(3)).toEqual(['stop c', 'stop b', 'stop a']);
  });

  it('asks a started resource whether it is ready, and survives a bad answer', async () => {
    const owner = lifecycle();
    let answer: () => boolean | string = () => true;
    owner.add({ name: 'disk', start: tick, stop: tick, ready: () => answer() });
    await owner.start();
    expect(owner.readiness().ready).toBe(true);
    answer = () => 'under 5 % free';
    expect(owner.readiness()).toEqual({ ready: false, resources: { disk: 'under 5 % free' } });
    answer = () => {
      throw new Error('no disk');
    };
    expect(owner.readiness().resources['disk']).toBe('not ready: no disk');
  });

  it('shows what is to be looked at without being unready for it', async () => {
    const owner = lifecycle();
    let notice: string | null = null;
    let ready: true | string = true;
    owner.add({ ...resource('disk', {}, []), ready: () => ready, notice: () => notice });
    await owner.start();
    expect(owner.readiness()).toEqual({ ready: true, resources: { disk: 'ready' } });
    notice = 'nearly full';
    expect(owner.readiness()).toEqual({ ready: true, resources: { disk: 'ready: nearly full' } });
    ready = 'full';
    expect(owner.readiness()).toEqual({ ready: false, resources: { disk: 'full' } });
    await owner.stop();
  });

  it('refuses resources that come too late or share a name', async () => {
    const owner = lifecycle();
    owner.add({ name: 'a', start: tick, stop: tick });
    expect(() => owner.add({ name: 'a', start: tick, stop: tick })).toThrow('two resources are named a');
    await owner.start();
    expect(() => owner.add({ name: 'b', start: tick, stop: tick })).toThrow('before the start');
    await owner.stop();
  });

  it('lets a resource decide what may be retried', async () => {
    const owner = lifecycle();
    let calls = 0;
    const start = async () => {
      if (++calls < 3) throw new Error('schema not migrated yet');
    };
    owner.add({ name: 'a', start, stop: tick, retry: (error) => (error as Error).message.includes('migrated') });
    await owner.start();
    expect(calls).toBe(3);
    await owner.stop();
  });
});
