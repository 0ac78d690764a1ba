import { DutyCycle } from './duty-cycle';

test('the share follows what was done lately, and is forgotten at rest', () => {
  let nowMs = 0;
  const duty = new DutyCycle(() => nowMs);
  expect(duty.share).toBe(0);
  for (let i = 0; i < 100; i++) {
    nowMs += 400;
    duty.worked(100);
  }
  expect(duty.share).toBeGreaterThan(0.2);
  expect(duty.share).toBeLessThan(0.3);
  nowMs += 60_000;
  expect(duty.share).toBeLessThan(0.001);
});

test('work without a pause counts as all of the time, never as more', () => {
  const duty = new DutyCycle(() => 0);
  for (let i = 0; i < 100; i++) duty.worked(1_000);
  expect(duty.share).toBe(1);
});
