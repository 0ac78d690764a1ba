import { type Answer, answer } from '../problem/problem';

/** Refuses a URL that does not decode to UTF-8, or decodes to NUL, which no database text can hold. */
export function wrongUrl(url: string): Answer | undefined {
  const [path, query] = url.split('?', 2);
  for (const [place, text] of [
    ['path', path],
    ['query', query],
  ] as const) {
    const rule = text === undefined ? undefined : violation(text);
    if (rule) {
      const detail = `The ${place} ${rule === 'nul' ? 'contains the character NUL' : 'is not valid percent-encoded UTF-8'}.`;
      return answer(400, { detail, errors: [{ path: place, rule, detail }] });
    }
  }
  return undefined;
}

function violation(text: string): 'nul' | 'percent-encoding' | undefined {
  try {
    return decodeURIComponent(text).includes('\0') ? 'nul' : undefined;
  } catch {
    return 'percent-encoding';
  }
}
