'use strict';
// Each call of Jest's `expect` makes some two hundred functions and, with each matcher, an error that is thrown away: 10 µs
// and much garbage, where tests compare tens of thousands of values. Of plain values that are as expected nothing is
// made here; all else, failures above all, is Jest's own.
const real = globalThis.expect;

const isOrdered = (a, b) => typeof a === typeof b && (typeof a === 'number' || typeof a === 'bigint');
const isPlain = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

/** Whether it holds for certain; false leaves it to Jest. */
const HOLDS = {
  toBe: (actual, expected) => Object.is(actual, expected),
  toEqual: (actual, expected) => isPlain(actual) && Object.is(actual, expected),
  toBeGreaterThan: (actual, expected) => isOrdered(actual, expected) && actual > expected,
  toBeGreaterThanOrEqual: (actual, expected) => isOrdered(actual, expected) && actual >= expected,
  toBeLessThan: (actual, expected) => isOrdered(actual, expected) && actual < expected,
  toBeLessThanOrEqual: (actual, expected) => isOrdered(actual, expected) && actual <= expected,
};

class Expectation {
  constructor(actual) {
    this.actual = actual;
  }
}

function leaveToJest(name) {
  if (Object.hasOwn(Expectation.prototype, name)) return;
  Object.defineProperty(Expectation.prototype, name, {
    get() {
      return real(this.actual)[name];
    },
  });
}

for (const [name, holds] of Object.entries(HOLDS)) {
  Expectation.prototype[name] = function matcher(...expected) {
    if (expected.length === 1 && holds(this.actual, expected[0])) {
      const state = real.getState();
      state.assertionCalls++;
      state.numPassingAsserts++;
      return;
    }
    try {
      real(this.actual)[name](...expected);
    } catch (error) {
      // It is the test's line that is shown, not this one.
      Error.captureStackTrace(error, matcher);
      throw error;
    }
  };
}
for (const name of Object.keys(real(undefined))) leaveToJest(name);

const quick = (...args) => (args.length === 1 ? new Expectation(args[0]) : real(...args));
Object.defineProperties(quick, Object.getOwnPropertyDescriptors({ ...real }));
quick.extend = (matchers) => {
  real.extend(matchers);
  for (const name of Object.keys(matchers)) leaveToJest(name);
};
globalThis.expect = quick;
