import { growthOf } from './memory';

test('what a process grew by is told of its later time only', () => {
  const samples = (rss: readonly number[]) => rss.map((mib, i) => ({ seconds: i, rssMib: { worker: mib } }));
  expect(growthOf(samples([10, 200, 300, 500, 510, 490, 505, 500, 495]), 'worker')).toBeCloseTo(1, 1);
  expect(growthOf(samples([100, 200, 300, 400, 500, 600, 700, 800, 900]), 'worker')).toBeCloseTo(1.6, 5);
});
