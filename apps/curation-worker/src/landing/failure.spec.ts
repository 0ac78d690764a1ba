import { LandingError } from './port';
import { failureOf, loggable } from './failure';

const engine = Object.assign(new Error('Could not convert string "ada@example.org" to INT32'), { code: '22P02' });
const failures: [unknown, string | RegExp][] = [
  [
    new LandingError('LANDING_UNAVAILABLE', engine.message, { cause: engine }),
    'LandingError LANDING_UNAVAILABLE, of Error 22P02',
  ],
  [new TypeError('"ada@example.org" is not a function'), /^TypeError at failure\.spec\.ts:\d+$/],
  [
    Object.assign(new Error('x'), { name: 'ada@example.org', code: 'ada@example.org' }),
    /^Error at failure\.spec\.ts:\d+$/,
  ],
  ['ada@example.org', 'an unknown failure'],
];

it.each(failures)('of a failure its kinds and codes are told, and never what it quotes', (error, told) => {
  expect(failureOf(error)).toEqual(typeof told === 'string' ? told : expect.stringMatching(told));
  const { message, stack } = loggable(error);
  expect(message).toBe(failureOf(error));
  expect(stack).not.toContain('ada');
  if (error instanceof Error) expect(stack).toMatch(/failure\.spec/);
});

it('neither a message of several lines nor an endless chain of causes gets through', () => {
  const error = new Error('bad\n    at ada@example.org\n    at "ada" (/x.ts:1:1)\n    at ada (/ada.ts:1:1)');
  error.cause = error;
  expect(failureOf(error)).toMatch(/^Error at failure\.spec\.ts:\d+$/);
  expect(loggable(error).stack).not.toContain('ada');
});
