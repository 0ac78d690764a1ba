/** Sets of code points: pairs of first and last, ascending, not touching. Surrogates are in none: no text in UTF-8 has them. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

const LAST = 0x10ffff;
const [SURROGATES_FIRST, SURROGATES_LAST] = [0xd800, 0xdfff];

export const ALL: CodePoints = [
  [0, SURROGATES_FIRST - 1],
  [SURROGATES_LAST + 1, LAST],
];

export function union(...sets: readonly CodePoints[]): CodePoints {
  const sorted = sets.flat().sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const top = merged.at(-1);
    if (top && first <= top[1] + 1) top[1] = Math.max(top[1], last);
    else merged.push([first, last]);
  }
  return withoutSurrogates(merged);
}

function withoutSurrogates(set: CodePoints): CodePoints {
  return set.flatMap(([first, last]): [number, number][] => {
    if (last < SURROGATES_FIRST || first > SURROGATES_LAST) return [[first, last]];
    const parts: [number, number][] = [];
    if (first < SURROGATES_FIRST) parts.push([first, SURROGATES_FIRST - 1]);
    if (last > SURROGATES_LAST) parts.push([SURROGATES_LAST + 1, last]);
    return parts;
  });
}

export function complement(set: CodePoints): CodePoints {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) gaps.push([next, LAST]);
  return withoutSurrogates(gaps);
}

export const points = (text: string): CodePoints =>
  union([...text].map((char) => [char.codePointAt(0) as number, char.codePointAt(0) as number] as const));

export const DIGITS: CodePoints = [[0x30, 0x39]];
export const WORD: CodePoints = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** `\s` of ECMA-262. */
export const SPACE: CodePoints = union(
  [
    [0x9, 0xd],
    [0x2000, 0x200a],
  ],
  points('\u0020\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'),
);
export const LINE_ENDS: CodePoints = points('\n\r\u2028\u2029');

const properties = new Map<string, CodePoints>();

/** The code points of `\p{…}`, asked of the engine itself, once each: about 50 ms. */
export function property(escape: string): CodePoints {
  const known = properties.get(escape);
  if (known) return known;
  const test = new RegExp(`^${escape}$`, 'u');
  const found: [number, number][] = [];
  for (const [first, last] of ALL) {
    for (let point = first; point <= last; point++) {
      if (!test.test(String.fromCodePoint(point))) continue;
      const top = found.at(-1);
      if (top && top[1] === point - 1) top[1] = point;
      else found.push([point, point]);
    }
  }
  properties.set(escape, found);
  return found;
}
