import fc from 'fast-check';
import { isBatchOf } from './batch-ids';

/** What the text says of an id. */
function says(sql: string, id: number): boolean {
  const ranges = [...sql.matchAll(/BETWEEN (\d+) AND (\d+)/g)].some(([, a, b]) => id >= Number(a) && id <= Number(b));
  const list = /IN \(([^)]*)\)/.exec(sql)?.[1].split(', ').map(Number) ?? [];
  return ranges || list.includes(id);
}

it('names exactly the batches, those that follow each other as one range', () => {
  expect(isBatchOf([])).toBe('FALSE');
  expect(isBatchOf([7, 3, 5, 4, 4, 9])).toBe('(_batch_id BETWEEN 3 AND 5 OR _batch_id IN (7, 9))');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 })), (ids) => {
      const sql = isBatchOf(ids);
      for (let id = 0; id <= 60; id++) expect(says(sql, id)).toBe(ids.includes(id));
    }),
  );
});

it('is short however many follow each other', () => {
  expect(isBatchOf(Array.from({ length: 500_000 }, (_, i) => 1_000 + i))).toBe('(_batch_id BETWEEN 1000 AND 500999)');
});
