/**
 * Patterns of contracts run on every event, on text that strangers send. A backtracking engine may need exponential time
 * for a pattern that repeats a group which itself repeats or offers a choice, as in `(a+)+`, `(a|a)*` or `(a?){30}`. Such
 * patterns run on RE2 instead (see patterns/compile-pattern.ts); for the rest the worst case is estimated and bounded,
 * and they only ever see short text.
 */

/** Longer strings break the contract before the pattern is tried. */
export const PATTERN_SUBJECT_CHARS_MAX = 256;
const PATTERN_CHARS_MAX = 512;
/** About ten milliseconds of backtracking. */
const STEPS_MAX = 10_000_000;

interface Quantifier {
  readonly repeats: boolean;
  /** How many counts the engine may try: 1 for none and for `{3}`. */
  readonly choices: number;
}

/** Says what is wrong with a pattern (ECMA-262 with Unicode, unanchored), or null when the language's engine may run it. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_CHARS_MAX) return `must have ${PATTERN_CHARS_MAX} characters at most`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `is no regular expression (ECMA-262, Unicode): ${(error as Error).message}`;
  }
  if (/\(\?<?[=!]/.test(pattern)) return 'must not look ahead or behind';
  if (/\\([1-9]|k<)/.test(pattern)) return 'must not refer back to a group';

  // Classes and escapes stand for one character each; what remains is groups, choices and repetitions.
  const skeleton = pattern
    .replace(/\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, 'c')
    .replace(/\[[^\]]*\]/g, 'c')
    .replace(/\(\?(?::|<[^>]*>)/g, '(');
  const open: { varies: boolean }[] = [{ varies: false }];
  // An unanchored pattern is tried from each character.
  let steps = skeleton.startsWith('^') && !skeleton.includes('|') ? 1 : PATTERN_SUBJECT_CHARS_MAX;
  for (let i = 0; i < skeleton.length; i++) {
    const c = skeleton[i];
    if (c === '(') {
      open.push({ varies: false });
      continue;
    }
    if (c === '|') {
      open[open.length - 1].varies = true;
      steps *= 2;
      continue;
    }
    const group = c === ')' ? open.pop() : null;
    const quantifier = quantifierAt(skeleton, i + 1);
    if (group?.varies && quantifier.repeats) return 'must not repeat a group that itself repeats or offers a choice';
    if (group?.varies || quantifier.choices > 1) open[open.length - 1].varies = true;
    steps *= quantifier.choices;
  }
  return steps > STEPS_MAX ? 'offers so many choices and repetitions that a match could take too long' : null;
}

function quantifierAt(skeleton: string, at: number): Quantifier {
  const c = skeleton[at];
  if (c === '*' || c === '+') return { repeats: true, choices: PATTERN_SUBJECT_CHARS_MAX };
  if (c === '?') return { repeats: false, choices: 2 };
  const braces = /^\{(\d+)(?:(,)(\d*))?\}/.exec(skeleton.slice(at));
  if (!braces) return { repeats: false, choices: 1 };
  const least = Number(braces[1]);
  const most = braces[2] === undefined ? least : braces[3] === '' ? PATTERN_SUBJECT_CHARS_MAX : Number(braces[3]);
  return { repeats: most > 1, choices: Math.max(1, most - least + 1) };
}
