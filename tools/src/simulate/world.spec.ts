import { SeededRandom } from './random';
import { World } from './world';

test('what is due at one time runs in the order in which it was asked for, and what is cancelled does not', async () => {
  const world = new World(1);
  const ran: string[] = [];
  const cancel = world.after(5, () => ran.push('cancelled'));
  for (const [ms, name] of [
    [5, 'b'],
    [1, 'a'],
    [5, 'c'],
    [9, 'd'],
    [20, 'beyond'],
  ] as const)
    world.after(ms, () => ran.push(name));
  cancel();
  expect(await world.run(() => false, 10)).toBe(false);
  expect(ran).toEqual(['a', 'b', 'c', 'd']);
  expect(world.nowMs).toBe(9);
});

test('time passes only where something waits for it', async () => {
  const world = new World(1);
  let seen = -1;
  void (async () => {
    await world.pause(3_600_000);
    seen = world.nowMs;
  })();
  expect(await world.run(() => seen >= 0, Infinity)).toBe(true);
  expect(seen).toBe(3_600_000);
});

test('a seed is one sequence; forks of it do not depend on how much is drawn from others', () => {
  const draw = (random: SeededRandom): number[] => Array.from({ length: 5 }, () => random.word());
  expect(draw(new SeededRandom(3))).toEqual(draw(new SeededRandom(3)));
  expect(draw(new SeededRandom(3))).not.toEqual(draw(new SeededRandom(4)));
  const [a, b] = [new SeededRandom(5), new SeededRandom(5)];
  const fork = a.fork();
  draw(fork);
  b.fork();
  expect(draw(a)).toEqual(draw(b));
  const mean = Array.from({ length: 10_000 }, () => a.next()).reduce((sum, x) => sum + x, 0) / 10_000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
});
