import { isDailyKey } from '@millrace/privacy';
import type { Opener } from '../privacy/opener';
import type { ReplayStore, StoredItem } from './port';

/** The store of replays with its items opened: what is sealed is read as it was received. */
export function openingStore(store: ReplayStore, opener: Pick<Opener, 'items'>): ReplayStore {
  const opened = async <T extends StoredItem>(items: readonly T[]): Promise<T[]> =>
    (await opener.items(items)).map((found, i) =>
      found.ok
        ? {
            ...items[i],
            headers: found.headers,
            raw: found.raw,
            sealedBy: null,
            underDay: isDailyKey(items[i].sealedBy ?? ''),
          }
        : { ...items[i], unreadable: found.why },
    );
  return {
    sample: (...args) => store.sample(...args),
    load: async (ids, bytesMax) => opened(await store.load(ids, bytesMax)),
    create: (job) => store.create(job),
    get: (tenant, id) => store.get(tenant, id),
    cancel: (tenant, id, by) => store.cancel(tenant, id, by),
    running: (epoch) => store.running(epoch),
    note: (id, epoch, upTo) => store.note(id, epoch, upTo),
    failed: (id, epoch) => store.failed(id, epoch),
    items: async (job, limit, bytesMax) => opened(await store.items(job, limit, bytesMax)),
    pass: (entry) => store.pass(entry),
    finish: (id, epoch) => store.finish(id, epoch),
    takeWaiting: async (epoch) => {
      const item = await store.takeWaiting(epoch);
      if (!item) return null;
      try {
        return (await opened([item]))[0];
      } catch (error) {
        await store.giveBack(item.id, epoch);
        throw error;
      }
    },
    waitAgain: (id, epoch, error, retryInMs) => store.waitAgain(id, epoch, error, retryInMs),
    giveBack: (id, epoch) => store.giveBack(id, epoch),
  };
}
