import { type Automaton, symbolsOf, Walker } from './automaton';

export interface Search {
  /** All of them must accept the text. */
  readonly all: readonly Automaton[];
  /** This one must not. */
  readonly but: Automaton | null;
  /** Code points. */
  readonly min: number;
  readonly max: number;
  /** Words wanted, at most. */
  readonly limit: number;
}

export interface Found {
  /** Shortest first; no two of them leave the automata in the same states. */
  readonly words: readonly string[];
  /** False where the search was given up; with no words and true there are none. */
  readonly complete: boolean;
}

/** States of the product that are looked at; some tenths of a second at worst. */
const VISITED_MAX = 50_000;

interface Visit {
  readonly key: string;
  readonly at: readonly number[];
  readonly symbol: number;
  readonly from: Visit | null;
}

/** Searches the product of the automata breadth first for texts that all accept and `but` refuses. */
export function searchWords({ all, but, min, max, limit }: Search): Found {
  if (min > max) return { words: [], complete: true };
  const symbols = symbolsOf(but ? [...all, but] : all);
  const walkers = [...all, ...(but ? [but] : [])].map((automaton) => new Walker(automaton, symbols));
  const wanted = ({ at }: Visit): boolean => walkers.every((walker, i) => walker.accepts(at[i]) === i < all.length);

  const words: string[] = [];
  const seen = new Set<string>();
  const visit = (at: readonly number[], length: number, symbol: number, from: Visit | null): Visit | null => {
    if (all.some((_, i) => walkers[i].isDead(at[i]))) return null;
    // Beyond the least length only the states matter.
    const key = `${at.join(',')};${Math.min(length, min)}`;
    if (seen.has(key)) return null;
    seen.add(key);
    return { key, at, symbol, from };
  };
  let level = [
    visit(
      walkers.map(({ start }) => start),
      0,
      -1,
      null,
    ),
  ].filter((v) => v !== null);
  for (let length = 0; level.length > 0 && length <= max; length++) {
    const next: Visit[] = [];
    for (const here of level) {
      if (length >= min && wanted(here)) {
        words.push(wordOf(here, symbols));
        if (words.length >= limit) return { words, complete: false };
      }
      for (let symbol = 0; symbol < symbols.length; symbol++) {
        const there = visit(
          here.at.map((state, i) => walkers[i].step(state, symbol)),
          length + 1,
          symbol,
          here,
        );
        if (there) next.push(there);
        if (seen.size > VISITED_MAX) return { words, complete: false };
      }
    }
    level = next;
  }
  return { words, complete: true };
}

function wordOf(visit: Visit, symbols: readonly number[]): string {
  const chars: string[] = [];
  for (let v: Visit | null = visit; v && v.symbol >= 0; v = v.from) chars.push(String.fromCodePoint(symbols[v.symbol]));
  return chars.reverse().join('');
}
