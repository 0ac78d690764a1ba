import fc from 'fast-check';
import { patternProblem } from '../pattern-safety';
import { patternAutomaton } from './automaton';
import { compilePattern, patternRefusal } from './compile-pattern';
import { searchWords } from './search';
import { RE2JS } from 're2js';
import { parsePattern } from './parse-pattern';
import { toRe2 } from './to-re2';

const ATOMS = [
  'a',
  'b',
  '[ab]',
  '[^a]',
  '.',
  '\\d',
  '\\w',
  '\\W',
  '\\s',
  '\\S',
  '\\.',
  '\\u0041',
  '\\u{1F600}',
  '\\x2d',
  '\\p{Lu}',
  '-',
];
const MANY = ['', '', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'];

const part: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(...ATOMS),
    fc.tuple(tie('node'), fc.constantFrom(...MANY)).map(([node, many]) => `(?:${node})${many}`),
    fc.tuple(tie('node'), tie('node')).map(([x, y]) => `(${x}|${y})`),
    fc.tuple(tie('node'), tie('node')).map(([x, y]) => x + y),
  ),
})).node;
const pattern = fc
  .tuple(fc.constantFrom('', '^'), part, fc.constantFrom('', '$'))
  .map(([start, middle, end]) => start + middle + end);
const text = fc
  .array(fc.constantFrom('a', 'b', 'A', '1', '-', '.', ' ', '\n', '\u2028', 'é', 'É', '😀', '_'), { maxLength: 8 })
  .map((chars) => chars.join(''));

describe('patterns', () => {
  it('mean on RE2 what they mean in the language', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (source, texts) => {
        const [native, linear] = [new RegExp(source, 'u'), RE2JS.compile(toRe2(parsePattern(source)))];
        for (const subject of texts) expect([subject, linear.test(subject)]).toEqual([subject, native.test(subject)]);
      }),
      { numRuns: 150 },
    );
  });

  it('are searched for words that the one has and the other has not', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (one, other, texts) => {
        const [a, b] = [new RegExp(one, 'u'), new RegExp(other, 'u')];
        const found = searchWords({
          all: [patternAutomaton(one)],
          but: patternAutomaton(other),
          min: 0,
          max: 6,
          limit: 4,
        });
        for (const word of found.words) expect([word, a.test(word), b.test(word)]).toEqual([word, true, false]);
        if (found.words.length === 0 && found.complete)
          for (const subject of texts)
            if ([...subject].length <= 6 && a.test(subject))
              expect([subject, b.test(subject)]).toEqual([subject, true]);
      }),
      { numRuns: 150 },
    );
  });

  it.each(['^(a+)+$', '^(a|a)*$', '(x+x+)+y', '^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*$', '.*.*.*=.*'])(
    'that explode elsewhere run: %s',
    (source) => {
      expect(patternProblem(source)).not.toBeNull();
      expect(patternRefusal(source)).toBeNull();
      // A backtracking engine would not come back from this within the life of the machine.
      expect(compilePattern(source).test(`${'a'.repeat(100_000)}!`)).toBe(false);
    },
  );

  it.each([
    ['(?=a)b', 'looks ahead'],
    ['(?<!a)b', 'looks ahead or behind'],
    ['(a)\\1', 'refers back'],
    ['(?<n>a)\\k<n>', 'refers back'],
    ['(\\ba+)+', 'word boundary'],
    ['[', 'is no regular expression'],
    ['(?:(?:a{0,100}){0,100}){0,100}', 'cannot be compiled'],
    ['a'.repeat(3000), 'characters at most'],
  ])('%s is refused in words', (source, words) => expect(patternRefusal(source)).toContain(words));

  it('are told apart within one schema', () => {
    expect(String(compilePattern('(a+)+$'))).not.toBe(String(compilePattern('(b+)+$')));
  });
});
