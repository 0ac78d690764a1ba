import { readArguments } from './arguments';

test('without names the usual parts run, and the long ones do not', () => {
  expect([...(readArguments([])?.parts ?? [])]).toEqual(['envelope', 'curation', 'gateway', 'path', 'freshness']);
});

test('parts and their settings are read', () => {
  const args = ['growth', '--events', '1000,2000', '--synthetic', '0', '--port-base', '27000'];
  expect(readArguments(args)).toEqual({
    parts: new Set(['growth']),
    portBase: 27_000,
    events: [1_000, 2_000],
    synthetic: 0,
    claimsMax: 100_000_000,
    rounds: 3,
    folder: null,
    seconds: 600,
  });
});

test('help is not a part', () => {
  expect(readArguments(['growth', '--help'])).toBeNull();
});

test('what is not known is refused by name', () => {
  expect(() => readArguments(['grwth'])).toThrow('grwth');
  expect(() => readArguments(['--fast'])).toThrow('--fast');
  expect(() => readArguments(['--events', '1e6'])).toThrow('--events');
});
