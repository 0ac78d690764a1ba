import type { Duck } from '@millrace/lakehouse';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import type { Storage } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import { GROUPS, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { landBatch, type LandBatch } from '../landing/land-batch';
import { MemoryLandingStore } from '../landing/memory/store';
import { MemoryKeyStore } from '../privacy/memory/key-store';
import { Opener } from '../privacy/opener';
import { HEADERS, shipmentEvent } from '../testing/landing-bench';
import { appendItems, dataFiles, publishContracts } from '../testing/lake';
import { testProtections } from '../testing/protections';
import {
  caughtUp,
  startWorker,
  testDuck,
  until,
  type WorkerParts,
  type WorkerUnderTest,
} from '../testing/worker-under-test';

describe('the worker, on ports in memory', () => {
  let duck: Duck;
  let messaging: MemoryMessaging;
  let store: MemoryLandingStore;
  let storage: Storage;
  const running: WorkerUnderTest[] = [];

  beforeAll(async () => (duck = await testDuck()));
  afterAll(() => duck.close());
  beforeEach(async () => {
    messaging = createMemoryMessaging({ leaseMs: 500, pollMs: 20 });
    store = new MemoryLandingStore();
    storage = createMemoryStorage();
    await publishContracts(storage);
    await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: 2 });
    await messaging.ensureGroup(GROUPS.curation.topic, GROUPS.curation.group);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((worker) => worker.stop()));
    await messaging.close();
  });

  const start = async (parts: Partial<WorkerParts> = {}): Promise<WorkerUnderTest> => {
    const worker = await startWorker({ messaging, store, storage, duck, ...parts });
    running.push(worker);
    return worker;
  };
  const events = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => shipmentEvent(`e${i}`));
  const append = (items: Buffer[]): Promise<void> => appendItems(messaging, items, { partitions: 2, appendItems: 50 });
  const drained = (): Promise<void> => until(() => caughtUp(messaging));

  test('an event that no landing survives is found, put aside, and holds up nobody', async () => {
    let failures = 0;
    const fragile: LandBatch = async (deps, attempt) => {
      if (attempt.curated.validated.some((event) => event.ok && event.envelope.eventId === 'e123')) {
        failures++;
        throw new Error('something nobody thought of');
      }
      return landBatch(deps, attempt);
    };
    await append(events(300));
    const keys = new MemoryKeyStore();
    await start({ landBatch: fragile, keys });
    await drained();
    const [aside, ...others] = store.state.waiting.values();
    expect(others).toEqual([]);
    expect(aside).toMatchObject({ eventId: 'e123', eventType: 'shipment.status.changed', offset: expect.any(Number) });
    // Where it happened, and not its message: that may quote the event.
    expect(aside).toMatchObject({ error: expect.stringMatching(/^Error at worker\.spec\.ts:\d+$/), attempts: 0 });
    // Its driver is classified: it waits sealed.
    expect(aside.raw.includes('e123')).toBe(false);
    const [opened] = await new Opener(testProtections(storage, keys), keys).items([aside]);
    expect(opened.ok && JSON.parse(opened.raw.toString())).toMatchObject({ event_id: 'e123' });
    expect(store.state.quarantine).toEqual([]);
    const sums = [...store.state.manifests.values()].map((row) => row.landed + row.duplicate + row.quarantined);
    expect(sums.reduce((a, b) => a + b)).toBe(299);
    expect(store.state.claims.size).toBe(299);
    expect(failures).toBeLessThan(15);
  });

  test.each([1, 7])('a failure of everything sets no event aside, however long it lasts (%i events)', async (n) => {
    let failures = 0;
    let unread = 0;
    const broken: LandBatch = async (deps, attempt) => {
      // It is mended when an event is about to be given up for the third time, of all moments.
      if (unread < 3) {
        failures++;
        if (attempt.putAside) unread++;
        throw new Error('something nobody thought of');
      }
      return landBatch(deps, attempt);
    };
    await append(events(n));
    await start({ landBatch: broken });
    await drained();
    expect(unread).toBe(3);
    expect(failures).toBeGreaterThan(8);
    expect(store.state.waiting.size).toBe(0);
    expect(store.state.claims.size).toBe(n);
  });

  test('an epoch that is declared dead is followed by a new one, and nothing is lost or repeated', async () => {
    await append(events(500));
    const { worker } = await start({ options: { eventsMax: 60 } });
    await until(() => store.state.manifests.size >= 2);
    const first = worker.epoch as number;
    await store.retire(first);
    await drained();
    expect(worker.epoch).not.toBe(first);
    expect(store.state.claims.size).toBe(500);
    expect([...store.state.manifests.values()].reduce((sum, row) => sum + row.landed, 0)).toBe(500);
  });

  test('a worker that loses its leases in the middle of a landing lands nothing twice', async () => {
    await append(events(400));
    let stalled = false;
    const { worker } = await start({
      options: { eventsMax: 50 },
      failpoint: async (name) => {
        if (name !== 'after-claims' || stalled) return;
        stalled = true;
        await new Promise((resolve) => setTimeout(resolve, 1_200));
      },
    });
    await until(() => stalled);
    await start({ options: { eventsMax: 70 } });
    await drained();
    expect(worker.ready()).toBe(true);
    expect(store.state.claims.size).toBe(400);
    expect([...store.state.manifests.values()].reduce((sum, row) => sum + row.landed + row.duplicate, 0)).toBe(400);
    const named = new Set(
      [...store.state.manifests.values()].flatMap((row) =>
        (row.message as { files: { path: string }[] }).files.map((file) => file.path),
      ),
    );
    await until(async () => (await dataFiles(storage)).every((path) => named.has(path)));
  });

  test('deliveries in memory stay within their bound while landings are held up', async () => {
    await append(events(3_000));
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let most = 0;
    const { worker } = await start({
      options: { eventsMax: 50, deliveriesMax: 3 },
      failpoint: async (name) => {
        most = Math.max(most, worker.inFlight);
        if (name === 'before-begin') await gate;
      },
    });
    await until(() => worker.inFlight === 3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(worker.inFlight).toBe(3);
    release();
    await drained();
    expect(most).toBe(3);
    expect(store.state.claims.size).toBe(3_000);
  });

  test('a batch that its header miscounts never lands, over any number of restarts, and the worker says so', async () => {
    const records = events(20).map((value) => ({ key: null, headers: HEADERS as never, value }));
    const hour = `${HEADERS.at.slice(0, 13)}:00:00.000Z`;
    const counts = [{ tenant: 'default', source: 'elsewhere', hour, count: 20 }];
    await messaging.append(
      TOPICS.eventsInbound.name,
      { header: { appendId: v4(), counts }, records },
      { partition: '0' },
    );
    for (let restart = 0; restart < 4; restart++) {
      const { worker, stop } = await start();
      await until(() => String(worker.ready()).includes('partition 0 has stopped'));
      const began = performance.now();
      await stop();
      // What a stopped partition holds is handed back: nobody waits for it.
      expect(performance.now() - began).toBeLessThan(20_000);
    }
    expect([store.state.manifests.size, store.state.claims.size, await dataFiles(storage)]).toEqual([0, 0, []]);
  });

  test('stopping lets what is under way land, and the next worker goes on from there', async () => {
    await append(events(1_000));
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const first = await start({
      options: { eventsMax: 40 },
      // After a few batches nothing goes on until the stop has begun, however late that comes.
      failpoint: async (name) => {
        if (name === 'before-begin' && store.state.manifests.size >= 3) await gate;
      },
    });
    await until(() => store.state.manifests.size >= 3);
    const stopped = first.stop();
    release();
    await stopped;
    const landed = [...store.state.manifests.values()].reduce((sum, row) => sum + row.landed, 0);
    expect(store.state.claims.size).toBe(landed);
    expect(landed).toBeLessThan(1_000);
    await start();
    await drained();
    expect(store.state.claims.size).toBe(1_000);
    expect([...store.state.manifests.values()].map((row) => row.number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: store.state.manifests.size }, (_, i) => i + 1),
    );
  });
});
