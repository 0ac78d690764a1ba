'use strict';
// What takes longest comes first, so that no worker is left alone with it at the end. Where no run before has told how
// long a file takes, as in a clean clone, it is guessed by its kind: the whole of Millrace, real or simulated, one service,
// none.
const Sequencer = require('@jest/test-sequencer').default;

const GUESS_MS = [
  [/[\\/]tools[\\/].*(\.int|[\\/]simulate)\.spec\.ts$/, 40_000],
  [/\.int\.spec\.ts$/, 10_000],
];

const guessed = (path) => GUESS_MS.find(([kind]) => kind.test(path))?.[1] ?? 2_000;

module.exports = class extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const ms = new Map(sorted.map((test) => [test, test.duration ?? guessed(test.path)]));
    return [...sorted].sort((a, b) => ms.get(b) - ms.get(a));
  }
};
