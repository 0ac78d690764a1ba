import type { ProtectedNode, TokenMode } from './privacy';

/** Makes what stands in place of a value; `json` is the value as it was written. */
export type Replace = (json: string, mode: TokenMode) => string;

const MISPLACED: TokenMode = { scope: 'subject', reversible: false };

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const BRACKET_OPEN = 91;
const BRACKET_CLOSE = 93;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/**
 * Replaces the classified values of a payload, and nothing else: every other character stays as it was, so that no digit
 * of a number changes. Nulls stay nulls, as they say nothing of anybody. Where something else stands in the place of an
 * object or array that may hold classified values, all of it is replaced.
 *
 * @param json one JSON text that is known to be valid and to have no name twice
 */
export function protectPayload(json: string, root: ProtectedNode, replace: Replace): string {
  const edit = new Edit(json, replace);
  edit.value(edit.space(0), root);
  return edit.done();
}

/** One pass over a text. Positions are in UTF-16 units; a method returns the position after what it read. */
class Edit {
  private out = '';
  /** Copied up to here. */
  private copied = 0;

  constructor(
    private readonly json: string,
    private readonly replace: Replace,
  ) {}

  done(): string {
    return this.copied === 0 ? this.json : this.out + this.json.slice(this.copied);
  }

  space(at: number): number {
    while (this.json.charCodeAt(at) <= 32) at++;
    return at;
  }

  value(at: number, node: ProtectedNode): number {
    if (!node.token) {
      const first = this.json.charCodeAt(at);
      if (first === BRACE_OPEN && !node.elements) return this.object(at, node);
      if (first === BRACKET_OPEN && node.elements) return this.array(at, node.elements);
    }
    const end = this.skip(at);
    const text = this.json.slice(at, end);
    if (text !== 'null') {
      this.out += this.json.slice(this.copied, at) + this.replace(text, node.token ?? MISPLACED);
      this.copied = end;
    }
    return end;
  }

  private object(at: number, node: ProtectedNode): number {
    at = this.space(at + 1);
    if (this.json.charCodeAt(at) === BRACE_CLOSE) return at + 1;
    for (;;) {
      const nameEnd = this.text(at);
      const written = this.json.slice(at + 1, nameEnd - 1);
      const name = written.includes('\\') ? (JSON.parse(this.json.slice(at, nameEnd)) as string) : written;
      const start = this.space(this.space(nameEnd) + 1);
      const member = node.members.get(name);
      at = this.space(member ? this.value(start, member) : this.skip(start));
      if (this.json.charCodeAt(at) !== COMMA) return at + 1;
      at = this.space(at + 1);
    }
  }

  private array(at: number, elements: ProtectedNode): number {
    at = this.space(at + 1);
    if (this.json.charCodeAt(at) === BRACKET_CLOSE) return at + 1;
    for (;;) {
      at = this.space(this.value(at, elements));
      if (this.json.charCodeAt(at) !== COMMA) return at + 1;
      at = this.space(at + 1);
    }
  }

  private skip(at: number): number {
    const first = this.json.charCodeAt(at);
    if (first === QUOTE) return this.text(at);
    if (first === BRACE_OPEN || first === BRACKET_OPEN) return this.container(at);
    for (; at < this.json.length; at++) {
      const code = this.json.charCodeAt(at);
      if (code <= 32 || code === COMMA || code === BRACE_CLOSE || code === BRACKET_CLOSE) break;
    }
    return at;
  }

  private container(at: number): number {
    let depth = 0;
    for (;;) {
      const code = this.json.charCodeAt(at);
      if (code === QUOTE) {
        at = this.text(at);
        continue;
      }
      at++;
      if (code === BRACE_OPEN || code === BRACKET_OPEN) depth++;
      else if ((code === BRACE_CLOSE || code === BRACKET_CLOSE) && --depth === 0) return at;
    }
  }

  private text(at: number): number {
    for (let end = at; ;) {
      end = this.json.indexOf('"', end + 1);
      let before = end;
      while (this.json.charCodeAt(before - 1) === BACKSLASH) before--;
      if ((end - before) % 2 === 0) return end + 1;
    }
  }
}
