import type { HandlerDeps } from '@millrace/ingest-gateway/simulation';
import type { Landing, ManifestRow, RoundChanges, TimeStore, UpkeepStore } from '@millrace/curation-worker/simulation';
import type { Messaging, RecordBatch } from '@millrace/messaging';
import type { Storage } from '@millrace/storage';
import { MemoryCommitStore } from '@millrace/table-manager/simulation';
import type { SimProcess } from './process';
import type { Shared } from './shared';

type Append = (batch: RecordBatch, partition: string) => Promise<unknown>;

/** Each of these is the port as it is, but for the defect that is planted. */
export function mutatedAppend({ mutation }: Shared, process: SimProcess, append: Append): Append {
  if (mutation === 'acknowledge-before-append')
    return async (batch, partition) => void append(batch, partition).catch(() => undefined);
  if (mutation === 'retry-under-a-new-append-id')
    return (batch, partition) =>
      append({ ...batch, header: { ...batch.header, appendId: process.random.uuid() } }, partition);
  return append;
}

export function mutatedSources<T>({ mutation }: Shared, sources: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return mutation === 'take-forged-webhooks' ? new Map() : sources;
}

export function mutatedStrict(
  { mutation }: Shared,
  strictCheck: HandlerDeps['strictCheck'],
): HandlerDeps['strictCheck'] {
  if (mutation !== 'keep-what-strict-refuses') return strictCheck;
  return async () => {
    const check = await strictCheck();
    return (value, headers) => ({ ...check(value, headers), fault: null });
  };
}

export function mutatedLanding({ mutation, landing: store }: Shared, landing: Landing): Landing {
  switch (mutation) {
    case 'skip-the-position-fence':
      return withMethods(landing, {
        movePosition: async (move) => {
          await landing.movePosition(move);
          return 'moved';
        },
      });
    case 'ignore-claims':
      return withMethods(landing, {
        claim: async (claims, batchId) => {
          await landing.claim(claims, batchId);
          return new Map();
        },
      });
    case 'leave-replayed-items-open':
      return withMethods(landing, { settleReplay: async () => undefined });
    case 'count-replays-outside-the-transaction':
      return countedAtOnce(store, landing);
    case 'land-under-old-contracts':
      return withMethods(landing, {
        commit: async (fence) => landing.commit({ ...fence, contractsIndex: (await store.line()).contractsIndex }),
      });
    case 'take-every-change-for-harmless': {
      let row: ManifestRow;
      return withMethods(landing, {
        manifest: (given) => landing.manifest((row = given)),
        commit: async (fence) => {
          const { contractsIndex } = await store.line();
          await landing.manifest({ ...row, message: { ...(row.message as object), contractsIndex } });
          return landing.commit({ ...fence, contractsIndex });
        },
      });
    }
    default:
      return landing;
  }
}

/** A job's count moves when its rows are settled, and stays so where the landing does not commit. */
function countedAtOnce(store: Shared['landing'], landing: Landing): Landing {
  let id = '';
  let landed = 0;
  const count = (by: number): void => {
    const job = store.state.jobs.get(id);
    if (job) job.landed += by;
  };
  return withMethods(landing, {
    enterReplay: (entry) => {
      id = entry.job?.id ?? '';
      return landing.enterReplay(entry);
    },
    settleReplay: async (rows, batchId) => {
      await landing.settleReplay(rows, batchId);
      landed = rows.filter(({ healedAs }) => healedAs === 'landed').length;
      count(landed);
    },
    commit: async (fence) => {
      const done = await landing.commit(fence);
      count(-landed);
      return done;
    },
  });
}

export function mutatedCommits({ mutation, commits, world }: Shared, process: SimProcess): MemoryCommitStore {
  if (mutation === 'message-outside-the-transaction')
    return withMethods(commits, {
      advance: async ({ message, ...commit }) => {
        const moved = await commits.advance({ ...commit, message: { ...message, topic: 'audit' } });
        if (!moved) return false;
        await world.pause(process.random.between(0, 200));
        if (process.alive) commits.outbox.leave(message);
        return true;
      },
    });
  if (mutation === 'advance-without-compare')
    return withMethods(commits, {
      // `SET cursor = $to` without `WHERE cursor = $from`: whoever comes last is believed.
      advance: async (commit) => {
        const at = commits['cursor'];
        if (at) Object.assign(at, { number: commit.cursor, plannedTo: commit.to });
        return commits.advance(commit);
      },
    });
  return commits;
}

export function mutatedStorage({ mutation }: Shared, storage: Storage): Storage {
  if (mutation !== 'commit-without-txn') return storage;
  return {
    ...storage,
    createIfAbsent: (path, bytes) => {
      if (!/_delta_log\/\d+\.json$/.test(path)) return storage.createIfAbsent(path, bytes);
      const lines = bytes.toString('utf8').split('\n');
      return storage.createIfAbsent(path, Buffer.from(lines.filter((line) => !line.startsWith('{"txn"')).join('\n')));
    },
  };
}

export function mutatedUpkeep({ mutation, landing }: Shared, upkeep: UpkeepStore): UpkeepStore {
  if (mutation !== 'collect-files-of-the-living') return upkeep;
  return withMethods(upkeep, {
    uncollected: async () =>
      [...landing.state.workers].map(([epoch, { acceptedFrom }]) => ({
        epoch,
        acceptedFrom,
        endedAt: new Date(landing.clock.now()),
      })),
    collected: async () => undefined,
    landedAmong: async () => new Set(),
  });
}

export function mutatedTime({ mutation, time }: Shared, process: SimProcess): TimeStore {
  switch (mutation) {
    case 'count-windows-twice':
      return withMethods<TimeStore>(time, {
        transact: (round) =>
          time.transact((tx) =>
            round({
              ...tx,
              store: (changes) => {
                if (!process.random.chance(0.1)) return tx.store(changes);
                return tx.store({
                  ...changes,
                  progress: { ...changes.progress, number: tx.progress.number },
                  batchIds: [],
                });
              },
            }),
          ),
      });
    case 'leave-firings-outside-the-transaction':
      return withMethods<TimeStore>(time, {
        transact: async (round) => {
          let messages: RoundChanges['messages'] = [];
          const done = await time.transact((tx) =>
            round({
              ...tx,
              store: (changes) => {
                ({ messages } = changes);
                return tx.store({ ...changes, messages: [] });
              },
            }),
          );
          await process.sleep(process.random.between(0, 3_000));
          if (process.alive) time.leave(messages);
          return done;
        },
      });
    default:
      return time;
  }
}

/** Claims of what the tables do not have yet go with the others where that is planted. */
export function mutatedPruning<T>({ mutation, landing }: Shared, prune: () => T): T {
  if (mutation !== 'prune-claims-of-the-uncommitted') return prune();
  const { outbox } = landing.state;
  const left = [...outbox];
  outbox.clear();
  const pruned = prune();
  for (const [number, row] of left) outbox.set(number, row);
  return pruned;
}

/** The log's own upkeep; trims what groups have not read where that is planted. */
export async function trimLog({ log, mutation, world }: Shared, topic: string, messaging: Messaging): Promise<void> {
  if (mutation !== 'trim-above-the-slowest-group') return void (await messaging.trim(topic));
  for (const partition of log.topic(topic).partitions) {
    const first = partition.batches[0];
    if (!first || world.nowMs < 5_000 || partition.batches.length < 2) continue;
    partition.batches.shift();
    partition.start = first.base + first.size;
    partition.bytes -= first.bytes;
  }
}

function withMethods<T extends object>(port: T, own: Partial<T>): T {
  return new Proxy(port, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
