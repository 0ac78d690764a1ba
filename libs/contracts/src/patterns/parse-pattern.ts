import {
  ALL,
  type CodePoints,
  complement,
  DIGITS,
  LINE_ENDS,
  points,
  property,
  SPACE,
  union,
  WORD,
} from './code-points';

/** A regular expression, taken apart. */
export type PatternNode =
  | { readonly type: 'set'; readonly set: CodePoints }
  | { readonly type: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly type: 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly type: 'repeat'; readonly node: PatternNode; readonly min: number; readonly max: number }
  | { readonly type: 'start' | 'end' };

/** A pattern that this parser has no word for: word boundaries, lookaround, references back. */
export class PatternBeyond extends Error {
  readonly code = 'PATTERN_BEYOND';
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' };

/**
 * Takes apart a pattern that `new RegExp(pattern, 'u')` accepts.
 *
 * @throws PatternBeyond
 */
export function parsePattern(pattern: string): PatternNode {
  return new Parser([...pattern]).choice();
}

class Parser {
  private at = 0;

  constructor(private readonly chars: readonly string[]) {}

  choice(): PatternNode {
    const nodes = [this.sequence()];
    while (this.take('|')) nodes.push(this.sequence());
    return nodes.length === 1 ? nodes[0] : { type: 'choice', nodes };
  }

  private sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.at < this.chars.length && this.chars[this.at] !== '|' && this.chars[this.at] !== ')')
      nodes.push(this.repeated(this.atom()));
    return { type: 'sequence', nodes };
  }

  private repeated(node: PatternNode): PatternNode {
    const bounds = this.quantifier();
    if (!bounds) return node;
    this.take('?');
    return { type: 'repeat', node, min: bounds[0], max: bounds[1] };
  }

  private quantifier(): readonly [number, number] | null {
    if (this.take('*')) return [0, Infinity];
    if (this.take('+')) return [1, Infinity];
    if (this.take('?')) return [0, 1];
    const braces = /^\{(\d+)(,?)(\d*)\}/.exec(this.chars.slice(this.at, this.at + 24).join(''));
    if (!braces) return null;
    this.at += braces[0].length;
    const min = Number(braces[1]);
    if (braces[2] === '') return [min, min];
    return [min, braces[3] === '' ? Infinity : Number(braces[3])];
  }

  private atom(): PatternNode {
    const char = this.next();
    switch (char) {
      case '^':
        return { type: 'start' };
      case '$':
        return { type: 'end' };
      case '.':
        return { type: 'set', set: complement(LINE_ENDS) };
      case '(':
        return this.group();
      case '[':
        return { type: 'set', set: this.class() };
      case '\\':
        return { type: 'set', set: this.escape(false) };
      default:
        return { type: 'set', set: points(char) };
    }
  }

  private group(): PatternNode {
    if (this.take('?')) {
      const mark = this.next();
      if (mark === '<' && this.chars[this.at] !== '=' && this.chars[this.at] !== '!') while (this.next() !== '>');
      else if (mark !== ':') throw new PatternBeyond('looks ahead or behind');
    }
    const node = this.choice();
    this.next();
    return node;
  }

  private class(): CodePoints {
    const negated = this.take('^');
    const sets: CodePoints[] = [];
    while (!this.take(']')) {
      const first = this.classAtom();
      if (this.chars[this.at] === '-' && this.chars[this.at + 1] !== ']') {
        this.at++;
        const last = this.classAtom();
        sets.push([[first[0][0], last[0][0]]]);
      } else sets.push(first);
    }
    const set = union(...sets);
    return negated ? complement(set) : set;
  }

  private classAtom(): CodePoints {
    const char = this.next();
    return char === '\\' ? this.escape(true) : points(char);
  }

  private escape(inClass: boolean): CodePoints {
    const char = this.next();
    switch (char) {
      case 'd':
        return DIGITS;
      case 'D':
        return complement(DIGITS);
      case 'w':
        return WORD;
      case 'W':
        return complement(WORD);
      case 's':
        return SPACE;
      case 'S':
        return complement(SPACE);
      case 'p':
      case 'P':
        return property(`\\${char}${this.until('}')}`);
      case 'x':
        return points(String.fromCodePoint(Number.parseInt(this.next() + this.next(), 16)));
      case 'u':
        return points(this.unicode());
      case 'c':
        return points(String.fromCodePoint((this.next().codePointAt(0) as number) % 32));
      case 'b':
        if (inClass) return points('\b');
        throw new PatternBeyond('asks for a word boundary');
      case 'B':
        throw new PatternBeyond('asks for a word boundary');
    }
    if (/[1-9k]/.test(char)) throw new PatternBeyond('refers back to a group');
    return points(CONTROLS[char] ?? char);
  }

  private unicode(): string {
    if (this.chars[this.at] === '{') return String.fromCodePoint(Number.parseInt(this.until('}').slice(1, -1), 16));
    const unit = (): number => Number.parseInt([this.next(), this.next(), this.next(), this.next()].join(''), 16);
    const first = unit();
    if (first < 0xd800 || first > 0xdbff || this.chars[this.at] !== '\\' || this.chars[this.at + 1] !== 'u')
      return String.fromCharCode(first);
    this.at += 2;
    return String.fromCharCode(first, unit());
  }

  private until(end: string): string {
    let text = '';
    while (this.at < this.chars.length) {
      const char = this.next();
      text += char;
      if (char === end) break;
    }
    return text;
  }

  private take(char: string): boolean {
    if (this.chars[this.at] !== char) return false;
    this.at++;
    return true;
  }

  private next(): string {
    const char = this.chars[this.at++];
    if (char === undefined) throw new PatternBeyond('ends too early');
    return char;
  }
}

/** Any text. */
export const ANY_TEXT: PatternNode = { type: 'repeat', node: { type: 'set', set: ALL }, min: 0, max: Infinity };
