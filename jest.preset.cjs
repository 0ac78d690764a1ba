// Four tiers, told apart by a file's name: *.spec.ts and *.int.spec.ts need nothing but the embedded engine, and those of
// them that are *.slow.spec.ts or *.slow.int.spec.ts take tens of seconds each (npm run test:slow); *.engine.spec.ts needs
// real engines (npm run test:engines), *.corpora.spec.ts needs the corpora (npm run test:corpora).
const TIER = {
  laptop: ['**/src/**/*.spec.ts'],
  slow: ['**/src/**/*.slow.spec.ts', '**/src/**/*.slow.int.spec.ts'],
  engines: ['**/src/**/*.engine.spec.ts'],
  corpora: ['**/src/**/*.corpora.spec.ts'],
};
const tier = process.env.MILLRACE_TEST_TIER ?? 'laptop';
module.exports = {
  testEnvironment: require.resolve('./tools/jest-environment.cjs'),
  testMatch: TIER[tier],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    ...(tier === 'laptop'
      ? ['\\.engine\\.spec\\.ts$', '\\.corpora\\.spec\\.ts$', '\\.slow\\.(int\\.)?spec\\.ts$']
      : []),
  ],
  modulePathIgnorePatterns: ['/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
  moduleFileExtensions: ['ts', 'js', 'cjs', 'json'],
  testEnvironmentOptions: { customExportConditions: ['@millrace/source', 'node', 'require', 'default'] },
  testTimeout: 120_000,
  setupFilesAfterEnv: [require.resolve('./tools/jest-retry.cjs')],
};
