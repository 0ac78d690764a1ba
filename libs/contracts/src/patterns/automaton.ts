import type { CodePoints } from './code-points';
import { ALL } from './code-points';
import { ANY_TEXT, parsePattern, PatternBeyond, type PatternNode } from './parse-pattern';

const STATES_MAX = 20_000;

interface State {
  readonly edges: { readonly set: CodePoints; readonly to: number }[];
  readonly free: number[];
  /** Passed at the beginning of the text only, and at its end only. */
  readonly atStart: number[];
  readonly atEnd: number[];
}

/** A nondeterministic automaton (Thompson's construction) that accepts the texts in which a pattern is found. */
export class Automaton {
  readonly states: State[] = [];
  readonly start: number;
  readonly final: number;

  /** @throws PatternBeyond also where the pattern would need too many states */
  constructor(node: PatternNode) {
    this.start = this.state();
    this.final = this.build(node, this.start);
  }

  private state(): number {
    if (this.states.length >= STATES_MAX) throw new PatternBeyond(`needs more than ${STATES_MAX} states`);
    this.states.push({ edges: [], free: [], atStart: [], atEnd: [] });
    return this.states.length - 1;
  }

  /** Adds what `node` needs behind `from` and returns the state in which it is matched. */
  private build(node: PatternNode, from: number): number {
    const to = this.state();
    switch (node.type) {
      case 'set':
        this.states[from].edges.push({ set: node.set, to });
        return to;
      case 'start':
        this.states[from].atStart.push(to);
        return to;
      case 'end':
        this.states[from].atEnd.push(to);
        return to;
      case 'sequence':
        this.states[node.nodes.reduce((at, part) => this.build(part, at), from)].free.push(to);
        return to;
      case 'choice':
        for (const part of node.nodes) {
          const entry = this.state();
          this.states[from].free.push(entry);
          this.states[this.build(part, entry)].free.push(to);
        }
        return to;
      case 'repeat':
        this.repeat(node.node, node.min, node.max, from, to);
        return to;
    }
  }

  private repeat(node: PatternNode, min: number, max: number, from: number, to: number): void {
    let at = from;
    for (let i = 0; i < min; i++) at = this.build(node, at);
    if (max === Infinity) {
      const entry = this.state();
      this.states[at].free.push(entry);
      this.states[this.build(node, entry)].free.push(entry);
      this.states[entry].free.push(to);
      return;
    }
    this.states[at].free.push(to);
    for (let i = min; i < max; i++) {
      const entry = this.state();
      this.states[at].free.push(entry);
      at = this.build(node, entry);
      this.states[at].free.push(to);
    }
  }
}

const kept = new Map<string, Automaton>();
const KEPT_MAX = 200;

/** The texts in which a pattern is found anywhere, as `RegExp.test` finds it. */
export function patternAutomaton(pattern: string): Automaton {
  let automaton = kept.get(pattern);
  if (!automaton) {
    automaton = new Automaton({ type: 'sequence', nodes: [ANY_TEXT, parsePattern(pattern), ANY_TEXT] });
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(pattern, automaton);
  }
  return automaton;
}

/** Exactly these texts. */
export function textsAutomaton(texts: readonly string[]): Automaton {
  const literal = (text: string): PatternNode => ({
    type: 'sequence',
    nodes: [...text].map((char) => {
      const point = char.codePointAt(0) as number;
      return { type: 'set', set: [[point, point]] };
    }),
  });
  return new Automaton({ type: 'choice', nodes: texts.map(literal) });
}

export const anyTextAutomaton = (): Automaton => new Automaton(ANY_TEXT);

/** An automaton walked deterministically over classes of code points that no automaton of a search tells apart. */
export class Walker {
  private readonly ids = new Map<string, number>();
  private readonly sets: (readonly number[])[] = [];
  private readonly steps: Int32Array[] = [];
  readonly start: number;

  constructor(
    private readonly automaton: Automaton,
    private readonly symbols: readonly number[],
  ) {
    this.start = this.intern(this.closure([automaton.start], true));
  }

  step(state: number, symbol: number): number {
    const known = this.steps[state][symbol];
    if (known >= 0) return known;
    const point = this.symbols[symbol];
    const reached: number[] = [];
    for (const s of this.sets[state])
      for (const { set, to } of this.automaton.states[s].edges) if (has(set, point)) reached.push(to);
    const next = this.intern(this.closure(reached, false));
    this.steps[state][symbol] = next;
    return next;
  }

  accepts(state: number): boolean {
    return this.atEnd(this.sets[state]);
  }

  /** No text from here is accepted. */
  isDead(state: number): boolean {
    return this.sets[state].length === 0;
  }

  private atEnd(set: readonly number[]): boolean {
    const seen = new Set(set);
    const open = [...set];
    for (let s = open.pop(); s !== undefined; s = open.pop()) {
      if (s === this.automaton.final) return true;
      const { free, atEnd } = this.automaton.states[s];
      for (const to of [...free, ...atEnd])
        if (!seen.has(to)) {
          seen.add(to);
          open.push(to);
        }
    }
    return false;
  }

  private closure(from: readonly number[], atStart: boolean): readonly number[] {
    const seen = new Set(from);
    const open = [...from];
    for (let s = open.pop(); s !== undefined; s = open.pop()) {
      const state = this.automaton.states[s];
      for (const to of atStart ? [...state.free, ...state.atStart] : state.free)
        if (!seen.has(to)) {
          seen.add(to);
          open.push(to);
        }
    }
    return [...seen].sort((a, b) => a - b);
  }

  private intern(set: readonly number[]): number {
    const key = set.join(',');
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.sets.length;
    this.ids.set(key, id);
    this.sets.push(set);
    this.steps.push(new Int32Array(this.symbols.length).fill(-1));
    return id;
  }
}

function has(set: CodePoints, point: number): boolean {
  let [low, high] = [0, set.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (point < set[middle][0]) high = middle - 1;
    else if (point > set[middle][1]) low = middle + 1;
    else return true;
  }
  return false;
}

/** Letters and digits first: examples are read by people. */
const ORDINARY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. ';

/** One code point for each class of code points that none of the automata tells apart. */
export function symbolsOf(automata: readonly Automaton[]): readonly number[] {
  const sets = [
    ...new Set(automata.flatMap(({ states }) => states.flatMap(({ edges }) => edges.map(({ set }) => set)))),
  ];
  const starts = new Set<number>(ALL.map(([first]) => first));
  for (const set of sets)
    for (const [first, last] of set) {
      starts.add(first);
      if (last < 0x10ffff) starts.add(last + 1 === 0xd800 ? 0xe000 : last + 1);
    }
  const bySignature = new Map<string, number>();
  const ordinary = [...ORDINARY].map((char) => char.codePointAt(0) as number);
  for (const point of [
    ...ordinary,
    ...[...starts].filter((start) => start < 0xd800 || start > 0xdfff).sort(byPlainness),
  ]) {
    const signature = sets.map((set) => (has(set, point) ? '1' : '0')).join('');
    if (!bySignature.has(signature)) bySignature.set(signature, point);
  }
  return [...bySignature.values()];
}

/** Printable ASCII, then the rest of what prints, control characters last. */
const byPlainness = (a: number, b: number): number => plainness(a) - plainness(b) || a - b;
const plainness = (point: number): number =>
  point < 0x20 || (point >= 0x7f && point < 0xa0) ? 2 : point < 0x7f ? 0 : 1;
