import path from 'node:path';
import { parseOptions } from './options';
import { WORKSPACE_ROOT } from './services';

it('has defaults in the workspace', () => {
  expect(parseOptions('start', [], '/elsewhere')).toEqual({
    dataDir: path.join(WORKSPACE_ROOT, '.millrace'),
    portBase: undefined,
    workers: 1,
    jsonLogs: false,
    exit: false,
  });
  expect(parseOptions('demo', [], '/elsewhere')?.dataDir).toBe(path.join(WORKSPACE_ROOT, '.millrace', 'demo'));
});

it('takes a folder relative to where the user is', () => {
  expect(
    parseOptions(
      'demo',
      ['--data', 'here', '--port-base', '18080', '--workers', '3', '--json-logs', '--exit'],
      '/elsewhere',
    ),
  ).toEqual({
    dataDir: '/elsewhere/here',
    portBase: 18080,
    workers: 3,
    jsonLogs: true,
    exit: true,
  });
});

it.each([
  [['--port-base', '0'], '--port-base is "0"; it takes a whole number from 1 to 65000'],
  [['--workers', 'two'], '--workers is "two"; it takes a whole number from 1 to 8'],
  [['--data', ''], '--data takes a folder'],
  [['--dta', 'x'], 'npm start -- [options]'],
  [['--exit'], '--exit belongs to npm run demo'],
])('refuses %j in a sentence', (args, sentence) => {
  expect(() => parseOptions('start', args, '/')).toThrow(sentence);
});

it('shows help when asked', () => {
  expect(parseOptions('start', ['--help'], '/')).toBeNull();
});
