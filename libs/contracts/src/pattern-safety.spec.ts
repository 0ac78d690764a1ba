import fc from 'fast-check';
import { PATTERN_SUBJECT_CHARS_MAX, patternProblem } from './pattern-safety';

describe('patternProblem', () => {
  it.each([
    '^[A-Z]{3}-[0-9]+$',
    '^(?:ab|cd)?x$',
    '^[a-z]+(?:-[a-z]{2})*$',
    '^\\d{4}-\\d{2}$',
    '^[^@]+@[^@]+$',
    '^\\p{Lu}\\p{Ll}*$',
    'x',
    '^a{2,5}$',
  ])('allows %s', (pattern) => expect(patternProblem(pattern)).toBeNull());

  it.each([
    '(a+)+$',
    '^(a|a)*$',
    '^(a?){30}a{30}$',
    '^([a-z]+)*$',
    '^((ab)*c)+$',
    '^(?<x>a+)+$',
    '^(a{1,9}){9}$',
    `^${'a?'.repeat(40)}$`,
    `^${'(?:a|a)'.repeat(40)}$`,
    '.*.*.*x',
    '(?=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    '[',
    'x'.repeat(513),
  ])('refuses %s', (pattern) => expect(patternProblem(pattern)).toEqual(expect.any(String)));

  it('never allows a pattern that takes long', () => {
    const atom = fc.constantFrom('a', 'b', '[ab]', '.', 'a?', 'a*', 'b+', 'a{1,3}', 'a{2}');
    const group = fc
      .tuple(fc.array(atom, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '*', '+', '?', '{3}', '{1,4}'))
      .map(([parts, many]) => `(?:${parts.join('')})${many}`);
    const choice = fc.tuple(atom, atom, fc.constantFrom('', '*', '{5}')).map(([a, b, many]) => `(${a}|${b})${many}`);
    const pattern = fc
      .array(fc.oneof(atom, group, choice), { minLength: 1, maxLength: 6 })
      .map((parts) => `^${parts.join('')}$`);
    const subjects = [
      'a'.repeat(PATTERN_SUBJECT_CHARS_MAX - 1) + 'x',
      'ab'.repeat(PATTERN_SUBJECT_CHARS_MAX / 2 - 1) + 'xx',
    ];
    fc.assert(
      fc.property(pattern, (text) => {
        if (patternProblem(text) !== null) return;
        const began = process.hrtime.bigint();
        for (const subject of subjects) new RegExp(text, 'u').test(subject);
        expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(10_000);
      }),
      { numRuns: 2000 },
    );
  });
});
