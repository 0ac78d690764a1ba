/** By the order of Semantic Versioning 2.0 (section 11); what is no such version compares as text. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [parts(version), parts(than)];
  for (let i = 0; i < Math.max(a.core.length, b.core.length); i++) {
    const order = compare(a.core[i] ?? '0', b.core[i] ?? '0');
    if (order !== 0) return order > 0;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return a.pre.length < b.pre.length;
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = compare(a.pre[i], b.pre[i]);
    if (order !== 0) return order > 0;
  }
  return a.pre.length > b.pre.length;
}

/** Whether it has a place in the order of versions by its numbers. */
export const hasOrder = (version: string): boolean => /^v?\d{1,15}(\.\d{1,15})*([-+].*)?$/.test(version);

/** For sorting, oldest first. */
export const byVersion = (a: string, b: string): number => (isNewer(a, b) ? 1 : isNewer(b, a) ? -1 : a < b ? -1 : 1);

function parts(version: string): { core: string[]; pre: string[] } {
  const [core, ...pre] = version.replace(/^v/, '').split('+')[0].split('-');
  return { core: core.split('.'), pre: pre.length > 0 ? pre.join('-').split('.') : [] };
}

/** Numbers by value and before words. */
function compare(a: string, b: string): number {
  const numbers = [a, b].map((text) => /^\d+$/.test(text));
  if (numbers[0] && numbers[1]) return Number(a) - Number(b);
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
