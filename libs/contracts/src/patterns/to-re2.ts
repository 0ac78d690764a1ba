import { type CodePoints, complement } from './code-points';
import type { PatternNode } from './parse-pattern';

/**
 * Writes a pattern in RE2's syntax with ECMA-262's meaning: classes by their code points, since `\s`, `.` and `\p{…}`
 * are not the same in both, and anchors that hold at the ends of the text only.
 */
export function toRe2(node: PatternNode): string {
  switch (node.type) {
    case 'set':
      return classOf(node.set);
    case 'sequence':
      return node.nodes.map(toRe2).join('');
    case 'choice':
      return `(?:${node.nodes.map(toRe2).join('|')})`;
    case 'repeat':
      return `(?:${toRe2(node.node)})${quantifier(node.min, node.max)}`;
    case 'start':
      return '\\A';
    case 'end':
      return '\\z';
  }
}

const hex = (point: number): string => `\\x{${point.toString(16)}}`;

function classOf(set: CodePoints): string {
  if (set.length === 0) return '[^\\x{0}-\\x{10ffff}]';
  if (set.length === 1 && set[0][0] === set[0][1]) return hex(set[0][0]);
  const inverse = complement(set);
  // Surrogates that stand alone are in neither; a negated class is shorter and lets them through as ECMA-262 does.
  const [mark, list] = inverse.length > 0 && inverse.length < set.length ? ['^', inverse] : ['', set];
  return `[${mark}${list.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join('')}]`;
}

function quantifier(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === max ? `{${min}}` : `{${min},${max}}`;
}
