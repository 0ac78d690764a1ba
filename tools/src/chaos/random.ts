/** Uniform in [0, 1). */
export type Uniform = () => number;

/** A small generator of uniform numbers from a seed (mulberry32), so that a run's plan can be made again. */
export function seededRandom(seed: number): Uniform {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const between = (random: Uniform, min: number, max: number): number => min + random() * (max - min);
export const below = (random: Uniform, count: number): number => Math.floor(random() * count);
export const pick = <T>(random: Uniform, items: readonly T[]): T => items[below(random, items.length)] as T;

export function shuffled<T>(random: Uniform, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(below(random, left.length), 1)[0] as T);
}
