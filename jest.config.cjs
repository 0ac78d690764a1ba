module.exports = {
  projects: ['<rootDir>/libs/*/jest.config.cjs', '<rootDir>/apps/*/jest.config.cjs', '<rootDir>/tools/jest.config.cjs'],
  // A time limit is of the whole run: jest ignores it in a project.
  testTimeout: 120_000,
  testSequencer: require.resolve('./tools/jest-sequencer.cjs'),
  // Integration tests wait for most of their time: one more of them than a small machine has cores.
  maxWorkers: 3,
  collectCoverageFrom: [
    'src/**/*.ts',
    '!src/**/*.spec.ts',
    '!src/generated/**',
    '!src/**/testing/**',
    '!src/**/bench/**',
  ],
};
