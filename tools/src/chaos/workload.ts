import { below, pick, type Uniform } from './random';
import { type Item, itemOf, noteOf } from './shipment-item';

export type Route = 'ndjson' | 'array' | 'single' | 'push';

/** A request before it is sent; repeated, it is the same in every byte. */
export interface PlannedRequest {
  readonly route: Route;
  readonly items: readonly Item[];
  /** Idempotency-Key, where it has one. */
  readonly key: string | null;
  /** Sent twice at the same moment. */
  readonly twice: boolean;
}

const BATCH_ITEMS_MAX = 120;
/** Requests whose items may come again later. */
const REMEMBERED_MAX = 400;

/** Shares of requests, 0 to 1. */
const SINGLE_SHARE = 0.12;
const PUSH_SHARE = 0.1;
const ARRAY_SHARE = 0.2;
const AGAIN_SHARE = 0.12;
const REWRITTEN_SHARE = 0.08;
const TWICE_SHARE = 0.08;
const KEYED_SHARE = 0.3;

/**
 * Requests without end: the lines of a data set (which has late, damaged and repeated ones itself) in order and then
 * again as other shipments, in batches of several forms, mixed with old items sent again, old items written anew, and
 * notes that have no id of their own.
 */
export function* workload(lines: readonly Buffer[], random: Uniform, name: string): Generator<PlannedRequest> {
  const remembered: Item[] = [];
  let next = 0;
  const take = (count: number): Item[] =>
    Array.from({ length: count }, () => {
      const round = Math.floor(next / lines.length);
      const line = lines[next++ % lines.length] as Buffer;
      return itemOf(round === 0 ? line : ofAnotherRound(line, round));
    });
  for (let n = 0; ; n++) {
    const draw = random();
    const twice = random() < TWICE_SHARE;
    const key = random() < KEYED_SHARE ? `${name}-${n}` : null;
    if (draw < SINGLE_SHARE) {
      yield { route: 'single', items: [noteOf(`${name}-${n}`)], key: `${name}-${n}`, twice };
      continue;
    }
    if (draw < SINGLE_SHARE + PUSH_SHARE) {
      yield { route: 'push', items: take(1), key, twice };
      continue;
    }
    const route = draw < SINGLE_SHARE + PUSH_SHARE + ARRAY_SHARE ? 'array' : 'ndjson';
    const items = mixed(take(1 + below(random, BATCH_ITEMS_MAX)), remembered, random);
    // What is no JSON has no place in an array; it comes as a line.
    const fitting = route === 'array' ? items.filter(({ sent }) => sent.fate === 'landed') : items;
    if (fitting.length === 0) continue;
    for (const item of fitting.slice(0, 3)) {
      if (item.sent.fate !== 'landed') continue;
      if (remembered.length < REMEMBERED_MAX) remembered.push(item);
      else remembered[below(random, REMEMBERED_MAX)] = item;
    }
    yield { route, items: fitting, key, twice };
  }
}

function mixed(items: Item[], remembered: readonly Item[], random: Uniform): Item[] {
  if (remembered.length === 0) return items;
  if (random() < AGAIN_SHARE) items.splice(below(random, items.length), 0, pick(random, remembered));
  if (random() < REWRITTEN_SHARE) items.splice(below(random, items.length), 0, rewritten(pick(random, remembered)));
  return items;
}

/** The same event, with its members in another order, escaped otherwise and with white space. */
export function rewritten({ bytes }: Item): Item {
  const event = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  const text = JSON.stringify(Object.fromEntries(Object.entries(event).reverse()))
    .replace(/"status":"(.)/, (_all, first: string) => `"status" : "\\u00${first.charCodeAt(0).toString(16)}`)
    .replace(/,"source"/, ' , "source"');
  return itemOf(Buffer.from(text));
}

/** Another shipment, with the same story. Damaged lines stay as they are. */
function ofAnotherRound(line: Buffer, round: number): Buffer {
  const text = line.toString('latin1');
  // Written with escapes: it comes again as what it was.
  if (text.includes('\\u00')) return line;
  const other = text
    .replace(/("event_id": ?")([^":]+)/, `$1$2~${round}`)
    .replace(/("shipment_id": ?")([^":]+)/, `$1$2~${round}`);
  return Buffer.from(other, 'latin1');
}
