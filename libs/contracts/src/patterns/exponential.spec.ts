import fc from 'fast-check';
import { explodesOn } from './exponential';

describe('a pattern that can be read in more and more ways', () => {
  it.each([
    ['^(a+)+$', 'aa'],
    ['^(a*)*$', 'a'],
    ['^(a|a)*$', 'a'],
    ['^(?:a|aa)+$', 'aa'],
    ['(x+x+)+y', 'xxxx'],
    ['^(?:ab|a.)*$', 'ab'],
    ['^(.*,)+$', ',,'],
    ['^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*$', 'aa'],
    ['^(?:[a-z]+)*@(?:x)$', 'aa'],
    ['^(\\d+\\s?){20}$', '00'],
    ['((a+b?)+c)?', 'aa'],
  ])('%s is found by %s', (pattern, text) => expect(explodesOn(pattern)).toBe(text));

  it.each([
    '^[A-Z]{3}-[0-9]+$',
    '^(?:ab|cd)*x$',
    '^[a-z]+(?:-[a-z]{2})*$',
    '^(?:[a-z]+\\.)+[a-z]+$',
    '^(a+b)+$',
    '^(?:0|[1-9]\\d*)(?:\\.\\d+){0,3}$',
    '^\\d{4}-\\d{2}-\\d{2}$',
    '^(?:[A-Z][a-z]*)+$',
    '^(\\p{L}|\\d)+$',
    '^[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}$',
    '^(a{1,9}){9}$',
    '.*.*=.*',
    // More choices than are compared: ours run it in linear time all the same.
    `^(?:${Array.from({ length: 300 }, (_, i) => `k${i}`).join('|')}|[a-z]|a)*$`,
    '\\bword\\b',
  ])('%s is none', (pattern) => expect(explodesOn(pattern)).toBeNull());

  it('is told by its repeated groups alone: each text that is shown is read twice by one', () => {
    const atom = fc.constantFrom('a', 'b', '[ab]', 'a?', 'b+', 'ab', '(?:a|b)', '(?:ab|a)');
    const body = fc.array(atom, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(body, (text) => {
        const shown = explodesOn(`^(?:${text})*$`);
        const twice = new RegExp(`^(?:${text}){2,}$`, 'u');
        const once = new RegExp(`^(?:${text})$`, 'u');
        // Every word of two characters at most that is both is reason enough.
        const words = ['a', 'b', 'aa', 'ab', 'ba', 'bb'].filter((word) => once.test(word) && twice.test(word));
        if (words.length > 0) expect(shown).not.toBeNull();
        if (shown !== null) expect(once.test(shown) || shown.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
