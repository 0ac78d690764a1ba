/** What a page writes for "and so on", or for a part that is different each time. */
const ELLIPSIS = '…';

/**
 * Compares an answer with the one that a page shows. Members that the page leaves out may have any value; a text of
 * the page may hold `…` for any run of characters. Returns a sentence for each difference, none if the page is right.
 * Throws when what the page shows is no JSON.
 */
export function matchShown(shown: string, actual: unknown): string[] {
  return differences(JSON.parse(shown), actual, '$');
}

function differences(shown: unknown, actual: unknown, at: string): string[] {
  if (typeof shown === 'string' && typeof actual === 'string') {
    const parts = shown.split(ELLIPSIS).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('[^]*')}$`).test(actual) ? [] : [difference(shown, actual, at)];
  }
  if (Array.isArray(shown)) {
    if (!Array.isArray(actual) || actual.length !== shown.length) return [difference(shown, actual, at)];
    return shown.flatMap((each, i) => differences(each, actual[i], `${at}[${i}]`));
  }
  if (typeof shown === 'object' && shown !== null) {
    if (typeof actual !== 'object' || actual === null) return [difference(shown, actual, at)];
    return Object.entries(shown).flatMap(([name, value]) =>
      differences(value, (actual as Record<string, unknown>)[name], `${at}.${name}`),
    );
  }
  return shown === actual ? [] : [difference(shown, actual, at)];
}

const difference = (shown: unknown, actual: unknown, at: string): string =>
  `${at} is ${JSON.stringify(actual)}, shown as ${JSON.stringify(shown)}`;
