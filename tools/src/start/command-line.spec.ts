import { portBaseOf, readCommandLine, whole } from './command-line';

const OPTIONS = { seed: { type: 'string', default: '1' }, trace: { type: 'boolean' } } as const;
const LINE = { usage: 'npm run it -- [one|two] [--seed N]', words: ['one', 'two'] };

test('options, words and a call for help are read', () => {
  expect(readCommandLine(['two', '--seed', '7'], OPTIONS, LINE)).toMatchObject({
    values: { seed: '7' },
    positionals: ['two'],
  });
  expect(readCommandLine(['-h'], OPTIONS, LINE).values).toMatchObject({ seed: '1', help: true });
});

test.each([
  [['--sed', '7'], "Unknown option '--sed'"],
  [['--seed'], '--seed'],
  [['three'], 'There is no "three"; there are one, two.'],
])('what is not understood is named, with the usage: %j', (args, said) => {
  expect(() => readCommandLine(args, OPTIONS, LINE)).toThrow(said);
  expect(() => readCommandLine(args, OPTIONS, LINE)).toThrow(LINE.usage);
});

test('a number names its option and range', () => {
  expect(whole('--kills', '60', 1, 100)).toBe(60);
  for (const text of ['', '0', '101', '1e2', '-5', ' 7', '1.5'])
    expect(() => whole('--kills', text, 1, 100)).toThrow(`--kills is ${JSON.stringify(text)}; it takes a whole number`);
  expect(() => portBaseOf('70000')).toThrow('--port-base');
});
