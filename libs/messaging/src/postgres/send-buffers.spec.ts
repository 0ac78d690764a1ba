import { SendBuffers } from './send-buffers';

const MIB = 1024 * 1024;

describe('send buffers', () => {
  it('are taken again once they are given back, and not before', () => {
    const buffers = new SendBuffers(2);
    const first = buffers.take(100_000);
    expect(first.length).toBeGreaterThanOrEqual(100_000);
    expect(buffers.take(100_000)).not.toBe(first);
    buffers.give(first);
    expect(buffers.take(50_000)).toBe(first);
  });

  it('give way to larger ones, are no more than asked for, and none is kept that is too large', () => {
    const buffers = new SendBuffers(2);
    const [a, b, c] = [buffers.take(1000), buffers.take(1000), buffers.take(1000)];
    for (const buffer of [a, b, c]) buffers.give(buffer);
    const large = buffers.take(5 * MIB);
    expect(large.length).toBeGreaterThanOrEqual(5 * MIB);
    buffers.give(large);
    // Told apart as objects: comparing megabytes takes seconds.
    const kept = new Set([buffers.take(1000), buffers.take(1000)]);
    expect([kept.has(a), kept.has(large), kept.size]).toEqual([true, true, 2]);
    const huge = buffers.take(20 * MIB);
    buffers.give(huge);
    expect(buffers.take(9 * MIB)).not.toBe(huge);
  });
});
