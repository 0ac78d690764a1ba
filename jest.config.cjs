const preset = require('./jest.preset.cjs');

// One project for all: what many packages import is compiled once for all of them.
module.exports = {
  ...preset,
  rootDir: __dirname,
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/tools'],
  testSequencer: require.resolve('./tools/jest-sequencer.cjs'),
  // Integration tests wait for most of their time: one more of them than a small machine has cores.
  maxWorkers: 3,
  collectCoverageFrom: [
    '**/src/**/*.ts',
    '!**/src/**/*.spec.ts',
    '!**/src/generated/**',
    '!**/src/**/testing/**',
    '!**/src/**/bench/**',
  ],
};
