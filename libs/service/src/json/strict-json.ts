import { isUtf8 } from 'node:buffer';
import { pathStep } from '../problem/json-path';
import { type ProblemDetail, ProblemException } from '../problem/problem';

/** Deeper than any request of ours; recursive code further on is safe below it. */
export const DEPTH_MAX = 64;

/**
 * Parses a JSON body and refuses what would be changed silently or do harm further on: invalid UTF-8, duplicate
 * members, integers that lose digits, numbers that overflow, NUL and lone surrogates (which no Postgres text can
 * hold), members that poison prototypes, nesting beyond DEPTH_MAX. Throws a ProblemException with path and rule.
 */
export function parseStrictJson(body: Buffer): unknown {
  if (body.length === 0) throw refusal({ path: '$', rule: 'json', detail: 'The body is empty; JSON was announced.' });
  if (!isUtf8(body)) throw refusal({ path: '$', rule: 'utf-8', detail: 'The body is not valid UTF-8.' });
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refusal({ path: '$', rule: 'json', detail: `The body is not valid JSON: ${syntaxOf(error as Error)}.` });
  }
  const violation = new Inspection(text).run();
  if (violation) throw refusal(violation);
  return value;
}

function refusal(error: ProblemDetail): ProblemException {
  return new ProblemException(400, { detail: error.detail, errors: [error] });
}

/** V8's message without the piece of the body that it quotes. */
function syntaxOf({ message }: Error): string {
  const head = message.split(/, (?:\.\.\.)?"/, 1)[0].replace(/ in JSON(?= at position)/, '');
  return / is not valid JSON$/.test(head) ? 'it is no JSON value' : head.charAt(0).toLowerCase() + head.slice(1);
}

interface Frame {
  /** Names met so far in an object; null in an array. */
  readonly names: Set<string> | null;
  /** The name or index of the member at hand. */
  step: string | number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** One pass over text that JSON.parse has accepted, so its grammar need not be checked again. */
class Inspection {
  private readonly stack: Frame[] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  run(): ProblemDetail | undefined {
    const { text, stack } = this;
    let wantsName = false;
    while (this.at < text.length) {
      const c = text.charCodeAt(this.at);
      const top = stack[stack.length - 1];
      if (c === QUOTE) {
        const raw = this.string();
        const value = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
        if (wantsName && top.names) {
          const wrong = this.member(top, value);
          if (wrong) return wrong;
          wantsName = false;
        }
        const wrong = raw.length === value.length ? undefined : this.escaped(value);
        if (wrong) return wrong;
        continue;
      }
      if (c === 0x7b || c === 0x5b) {
        if (stack.length === DEPTH_MAX) return this.wrong('depth', `is nested deeper than ${DEPTH_MAX} levels`);
        wantsName = c === 0x7b;
        stack.push({ names: wantsName ? new Set() : null, step: 0 });
      } else if (c === 0x7d || c === 0x5d) stack.pop();
      else if (c === 0x2c) {
        wantsName = top.names !== null;
        if (typeof top.step === 'number') top.step++;
      } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
        const wrong = this.number();
        if (wrong) return wrong;
        continue;
      }
      this.at++;
    }
    return undefined;
  }

  /** The raw characters of the string at hand; moves past it. */
  private string(): string {
    const { text } = this;
    const from = this.at + 1;
    // The next quote nearly always ends it; only one after a backslash asks for a walk along the escapes.
    let i = text.indexOf('"', from);
    if (text.charCodeAt(i - 1) === BACKSLASH) {
      i = from;
      for (let c = text.charCodeAt(i); c !== QUOTE; c = text.charCodeAt(i)) i += c === BACKSLASH ? 2 : 1;
    }
    this.at = i + 1;
    return text.slice(from, i);
  }

  private member(frame: Frame, name: string): ProblemDetail | undefined {
    const twice = frame.names?.has(name);
    const parent = this.stack[this.stack.length - 2]?.step;
    frame.names?.add(name);
    frame.step = name;
    if (twice) return this.wrong('duplicate-member', 'is given twice');
    if (name === '__proto__' || (name === 'prototype' && parent === 'constructor')) {
      return this.wrong('prototype-poisoning', 'is a name that is refused');
    }
    return undefined;
  }

  private escaped(value: string): ProblemDetail | undefined {
    if (value.includes('\0')) return this.wrong('nul', 'contains the character NUL');
    // Under the u flag pairs are one character: what matches is half of one.
    return /\p{Surrogate}/u.test(value) ? this.wrong('surrogate', 'contains half of a surrogate pair') : undefined;
  }

  private number(): ProblemDetail | undefined {
    const token = /[-+0-9.eE]+/y;
    token.lastIndex = this.at;
    const digits = token.exec(this.text)?.[0] ?? '';
    this.at += digits.length || 1;
    if (digits.length < 4) return undefined;
    const value = Number(digits);
    if (!Number.isFinite(value)) return this.wrong('number-range', 'is a number too large');
    if (digits.length >= 16 && /^-?\d+$/.test(digits) && !Number.isSafeInteger(value)) {
      return this.wrong('integer-precision', 'is an integer beyond 2^53 and would lose digits');
    }
    return undefined;
  }

  private wrong(rule: string, what: string): ProblemDetail {
    const path = `$${this.stack.map(({ step }) => pathStep(step)).join('')}`.slice(0, 1024);
    return { path, rule, detail: `${path} ${what}.` };
  }
}
