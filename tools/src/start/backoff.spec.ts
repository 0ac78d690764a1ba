import fc from 'fast-check';
import { failuresAfterCrash, RESTART_LIMITS, restartDelayMs } from './backoff';

it('a restart waits at least half and at most all of a delay that doubles up to its limit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (failures, random) => {
        const ceiling = Math.min(RESTART_LIMITS.delayMsMax, RESTART_LIMITS.delayMsMin * 2 ** (failures - 1));
        const delay = restartDelayMs(failures, () => random);
        return delay >= ceiling / 2 && delay <= ceiling;
      },
    ),
  );
});

it('a process that was up for a while starts over with the shortest delay', () => {
  expect(failuresAfterCrash(7, RESTART_LIMITS.steadyMs - 1)).toBe(8);
  expect(failuresAfterCrash(7, RESTART_LIMITS.steadyMs)).toBe(1);
});
