'use strict';
// In CI a test over real processes gets a second try: machines there stand still for seconds, and one such moment must
// not hide what all the others say. tools/ci-sum.cjs names each test that needed it. Pure tests get none: a property
// that fails for one seed has failed.
const REAL_PROCESSES = /\.(int|engine)\.spec\.ts$|[\\/](tools|libs[\\/](service|tasks|postgres))[\\/]/;

if (process.env.CI && REAL_PROCESSES.test(expect.getState().testPath ?? ''))
  jest.retryTimes(1, { logErrorsBeforeRetry: true });
