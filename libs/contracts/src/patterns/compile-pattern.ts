import { RE2JS } from 're2js';
import { patternProblem } from '../pattern-safety';
import { parsePattern, PatternBeyond } from './parse-pattern';
import { toRe2 } from './to-re2';

/** What is left of an engine: whether a pattern is found anywhere in a text. */
export interface PatternTest {
  test(text: string): boolean;
  /** Tells patterns apart; ajv keeps them by it. */
  toString(): string;
}

const kept = new Map<string, PatternTest>();
const KEPT_MAX = 1000;

/**
 * Compiles a pattern (ECMA-262 with Unicode, unanchored) so that a test takes time linear in the text: by the engine of
 * the language where the pattern is provably safe with it, which is ten to thirty times faster (docs/decisions), else by
 * RE2.
 *
 * @throws PatternBeyond for what RE2 has no words for; see patternRefusal
 */
export function compilePattern(pattern: string): PatternTest {
  let compiled = kept.get(pattern);
  if (!compiled) {
    compiled = patternProblem(pattern) === null ? new RegExp(pattern, 'u') : linear(pattern);
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(pattern, compiled);
  }
  return compiled;
}

/** With classes such as `\p{L}` written out by their code points. */
const RE2_CHARS_MAX = 128 * 1024;

function linear(pattern: string): PatternTest {
  const compiled = RE2JS.compile(re2Of(pattern));
  return { test: (text) => compiled.test(text), toString: () => `/${pattern}/linear` };
}

/**
 * The pattern as engines with RE2 take it: DuckDB and BigQuery.
 *
 * @throws PatternBeyond, or an Error for what RE2 does not compile
 */
export function re2Of(pattern: string): string {
  const source = toRe2(parsePattern(pattern));
  if (source.length > RE2_CHARS_MAX) throw new PatternBeyond('is too large, its classes written out');
  RE2JS.compile(source);
  return source;
}

const PATTERN_CHARS_MAX = 2048;

/** Says why a pattern cannot be used where it is to be compiled by `use`, or null when it can. */
export function patternRefusal(pattern: string, use: (pattern: string) => unknown = compilePattern): string | null {
  if (pattern.length > PATTERN_CHARS_MAX) return `must have ${PATTERN_CHARS_MAX} characters at most`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `is no regular expression (ECMA-262, Unicode): ${(error as Error).message}`;
  }
  try {
    use(pattern);
    return null;
  } catch (error) {
    if (error instanceof PatternBeyond) return `${error.message}, which cannot be done in linear time`;
    return `cannot be compiled: ${(error as Error).message}`;
  }
}

/** For ajv's option `code.regExp`: its patterns run as all others do. */
export const ajvPatterns = Object.assign((pattern: string) => compilePattern(pattern), { code: 'new RegExp' });
