import path from 'node:path';
import { WORKSPACE_ROOT } from './start/services';

it('what waits for the exit of its process is told at the end of its file', async () => {
  const Environment = require(path.join(WORKSPACE_ROOT, 'tools', 'jest-environment.cjs'));
  const settings = { globalConfig: {}, projectConfig: { globals: {}, testEnvironmentOptions: {} } };
  const environment = new Environment(settings, { console, docblockPragmas: {}, testPath: __filename });
  const told: number[] = [];
  environment.global.process.once('exit', (code: number) => told.push(code));
  await environment.teardown();
  expect(told).toEqual([0]);
  // Twice, as after a file that could not be set up.
  await environment.teardown();
  expect(told).toEqual([0]);
});
