import { Automaton } from './automaton';
import { parsePattern, PatternBeyond, type PatternNode } from './parse-pattern';
import { searchWords } from './search';

/** More repetitions than this explode as well as any number does. */
const TIMES_MIN = 12;
/** Code points of a text that can be read in two ways: two of a group's shortest words are not much longer. */
const WORD_MAX = 32;
/** Comparisons for one pattern, each some tenths of a second at worst. */
const COMPARED_MAX = 40;

/**
 * A text that a repeated group of a pattern takes both as one repetition and as several, or by two of its choices; null
 * where there is none. Engines that try one way after the other, as most languages' do, need time exponential in the
 * length of a text that consists of such. Our own run such patterns in linear time; whoever is given the contract as
 * JSON Schema may not.
 *
 * @param pattern that the language's engine accepts
 */
export function explodesOn(pattern: string): string | null {
  try {
    return new Reader().inNode(parsePattern(pattern));
  } catch (error) {
    if (error instanceof PatternBeyond) return null;
    throw error;
  }
}

class Reader {
  private compared = 0;

  inNode(node: PatternNode): string | null {
    switch (node.type) {
      case 'sequence':
      case 'choice':
        return this.firstOf(node.nodes, (part) => this.inNode(part));
      case 'repeat':
        return (node.max > TIMES_MIN ? this.readTwice(node.node) : null) ?? this.inNode(node.node);
      default:
        return null;
    }
  }

  /** Of what is repeated: one character can be read in one way only. */
  private readTwice(node: PatternNode): string | null {
    if (node.type === 'set') return null;
    return this.inBoth(node, { type: 'repeat', node, min: 2, max: Infinity }) ?? this.choiceOf(node);
  }

  private choiceOf(node: PatternNode): string | null {
    if (node.type === 'sequence') return this.firstOf(node.nodes, (part) => this.choiceOf(part));
    if (node.type === 'repeat') return this.choiceOf(node.node);
    if (node.type !== 'choice') return null;
    for (const [i, one] of node.nodes.entries())
      for (const other of node.nodes.slice(i + 1)) {
        const found = this.inBoth(one, other);
        if (found !== null) return found;
        if (this.compared >= COMPARED_MAX) return null;
      }
    return this.firstOf(node.nodes, (part) => this.choiceOf(part));
  }

  /** A text of at least one character that both match whole. */
  private inBoth(one: PatternNode, other: PatternNode): string | null {
    if (++this.compared > COMPARED_MAX) return null;
    const all = [one, other].map((node) => new Automaton(node));
    return searchWords({ all, but: null, min: 1, max: WORD_MAX, limit: 1 }).words[0] ?? null;
  }

  private firstOf(nodes: readonly PatternNode[], of: (node: PatternNode) => string | null): string | null {
    for (const node of nodes) {
      const found = of(node);
      if (found !== null) return found;
    }
    return null;
  }
}
