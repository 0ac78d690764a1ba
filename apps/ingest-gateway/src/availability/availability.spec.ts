import { MessagingError } from '@millrace/messaging';
import { DiskSpace } from './disk-space';
import { LogHealth } from './log-health';

describe('the log’s health', () => {
  function setUp() {
    const state = { nowMs: 0, away: false, probes: 0 };
    const health = new LogHealth({
      probe: async () => {
        state.probes++;
        if (state.away) throw new Error('away');
      },
      monotonicMs: () => state.nowMs,
      fullMs: 30_000,
      fullRestMs: 100,
    });
    return { state, health };
  }

  it('is what the last append said', () => {
    const { health } = setUp();
    expect(health.ready()).toBe(true);
    health.onFailed(new MessagingError('MESSAGING_UNAVAILABLE', ''));
    expect(health.ready()).toBe('the log cannot be reached');
    health.onAppended();
    expect(health.ready()).toBe(true);
    health.onFailed(new MessagingError('MESSAGING_TOO_LARGE', ''));
    expect(health.ready()).toBe(true);
  });

  it('is looked at between appends, and recovers without any', async () => {
    const { health, state } = setUp();
    state.away = true;
    await health.check();
    expect(health.ready()).toBe('the log cannot be reached');
    state.away = false;
    await health.check();
    expect(health.ready()).toBe(true);
    health.onAppended();
    await health.check();
    expect(state.probes).toBe(2);
    await health.check();
    expect(state.probes).toBe(3);
  });

  it('a full log is called so until an append succeeds, or for a while, since reading it tells nothing of room', async () => {
    const { health, state } = setUp();
    health.onFailed(new MessagingError('MESSAGING_FULL', ''));
    await health.check();
    expect(health.ready()).toBe('the log is full');
    state.nowMs = 29_999;
    expect(health.ready()).toBe('the log is full');
    state.nowMs = 30_000;
    expect(health.ready()).toBe(true);
    health.onFailed(new MessagingError('MESSAGING_FULL', ''));
    health.onAppended();
    expect(health.ready()).toBe(true);
  });
});

it('a full log is not tried by every request, but again after a moment', async () => {
  let nowMs = 0;
  const health = new LogHealth({ probe: async () => null, monotonicMs: () => nowMs, fullMs: 30_000, fullRestMs: 100 });
  expect(health.full).toBe(false);
  health.onFailed(new MessagingError('MESSAGING_FULL', ''));
  expect(health.full).toBe(true);
  nowMs = 100;
  expect(health.full).toBe(false);
  health.onFailed(new MessagingError('MESSAGING_FULL', ''));
  health.onAppended();
  expect(health.full).toBe(false);
});

describe('disk space', () => {
  it.each([
    [{ free: 5, total: 100 }, true],
    [{ free: 4.9, total: 100 }, false],
    [{ free: 0, total: 0 }, true],
    [null, true],
  ])('of %j is enough: %s', async (space, enough) => {
    const disk = new DiskSpace({ read: async () => space, freePercentMin: 5 });
    await disk.check();
    expect(disk.shortage() === null).toBe(enough);
  });

  it('comes back by itself, and a disk that cannot be looked at stops nothing', async () => {
    let space: { free: number; total: number } | null = { free: 1, total: 100 };
    const disk = new DiskSpace({
      read: async () => {
        if (!space) throw new Error('statfs');
        return space;
      },
      freePercentMin: 5,
    });
    await disk.check();
    expect(disk.shortage()).toMatch(/less than 5 %/);
    space = { free: 50, total: 100 };
    await disk.check();
    expect(disk.shortage()).toBeNull();
    space = null;
    await disk.check();
    expect(disk.shortage()).toBeNull();
  });
});
