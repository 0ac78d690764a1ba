import { createMemoryStorage } from '@millrace/storage/memory';
import { collectLoads } from './collect-loads';
import { rawLoadPath } from './paths';

const DAY_MS = 86_400_000;

test('raw parts of loads go a day after they were written, unless their batch landed', async () => {
  const storage = createMemoryStorage();
  const paths = [1, 2, 3].map((batch) => rawLoadPath('a/b', 'carriers', '2026-03-01', batch, 7, 'csv'));
  for (const path of paths) await storage.createIfAbsent(path, Buffer.from('code,name\n'));
  await storage.createIfAbsent('raw/event_type=x/ingest_date=2026-03-01/part-1-7.jsonl.gz', Buffer.from('-'));
  const asked: number[][] = [];
  const store = {
    landedAmong: async (ids: readonly number[]) => {
      asked.push([...ids]);
      return new Set([2]);
    },
  };
  let writtenMs = 0;
  for await (const { modifiedAt } of storage.list('raw/')) writtenMs = Math.max(writtenMs, modifiedAt.getTime());
  const at = (ms: number) => ({ store, storage, now: () => writtenMs + ms });
  expect(await collectLoads(at(DAY_MS / 2), DAY_MS)).toBe(0);
  expect(asked).toEqual([]);
  expect(await collectLoads(at(2 * DAY_MS), DAY_MS)).toBe(2);
  const left: string[] = [];
  for await (const { path } of storage.list('raw/')) left.push(path);
  expect(left).toEqual([paths[1], 'raw/event_type=x/ingest_date=2026-03-01/part-1-7.jsonl.gz']);
});
