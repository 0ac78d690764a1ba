import type { Trace } from './trace';

/** Columns whose text is JSON itself. */
const JSON_COLUMNS: ReadonlySet<string> = new Set(['payload', 'attributes']);

/**
 * A trace as JSON. The event's payload goes in as the text that it is: parsed and written again, integers beyond 2^53
 * would lose digits.
 */
export function traceJson({ event, ...rest }: Trace): string {
  const json = JSON.stringify(rest, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  if (!event) return json;
  const members = Object.entries(event).map(([name, value]) => `${JSON.stringify(name)}:${memberJson(name, value)}`);
  return `${json.slice(0, -1)},"event":{${members.join(',')}}}`;
}

function memberJson(name: string, value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (JSON_COLUMNS.has(name) && typeof value === 'string' && isJson(value)) return value;
  return JSON.stringify(value) ?? 'null';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
