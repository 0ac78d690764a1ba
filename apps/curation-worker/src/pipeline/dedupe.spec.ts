import fc from 'fast-check';
import type { Valid, Validated } from './curate';
import { dedupe, type Held, settle } from './dedupe';
import type { Received } from './received';

const received = {} as Received;

const event = (key: string, formerKeys: readonly string[] = [], fingerprint = '0'): Valid => ({
  ok: true,
  received,
  envelope: { eventId: key, eventType: 't', eventTime: '', source: '' },
  contract: undefined,
  key,
  formerKeys,
  fingerprint,
  windowDays: 30,
  facility: 0,
  producerMs: null,
  row: 0,
  seal: null,
});
const refused: Validated = {
  ok: false,
  received,
  refusal: { reason: 'r', rule: 'r', path: '$' },
  eventId: null,
  eventType: null,
  contract: null,
  seal: null,
};

/** Batches over a set of claims, as the landing store keeps them. */
function fold(events: readonly Validated[], batchEvents: number): { fates: string[]; claims: string[] } {
  const claims = new Map<string, Held>();
  const fates: string[] = [];
  for (let from = 0, batchId = 1; from < events.length; from += batchEvents, batchId++) {
    const known = dedupe(events.slice(from, from + batchEvents));
    const held = new Map(
      known.candidates.flatMap(({ key }) => (claims.has(key) ? [[key, claims.get(key) as Held]] : [])),
    );
    for (const { key, fingerprint } of known.candidates) if (!held.has(key)) claims.set(key, { batchId, fingerprint });
    const { outcomes, unused } = settle(known, held, batchId);
    for (const key of unused) claims.delete(key);
    fates.push(...outcomes.map(({ fate }) => fate));
  }
  return { fates, claims: [...claims.keys()].sort() };
}

test('an event under a changed strategy is the duplicate of what landed under the old one', () => {
  const { fates, claims } = fold(
    [event('old'), event('new1', ['old']), event('new2', ['other']), event('new2', ['x'])],
    1,
  );
  expect(fates).toEqual(['landed', 'duplicate', 'landed', 'duplicate']);
  // Only landing claims.
  expect(claims).toEqual(['new2', 'old', 'other']);
});

test('a duplicate claims nothing: what only resembles the duplicate lands', () => {
  const events = [event('a'), event('b', ['a']), event('b', ['c'])];
  for (const size of [1, 2, 3]) expect(fold(events, size).fates).toEqual(['landed', 'duplicate', 'landed']);
});

test('batches of any size give what one event at a time gives', () => {
  const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const one = fc.oneof(
    fc.tuple(keys, fc.uniqueArray(keys, { maxLength: 2 })).map(([key, former]) =>
      event(
        key,
        former.filter((other) => other !== key),
      ),
    ),
    fc.constant(refused),
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), fc.integer({ min: 2, max: 30 }), (events, size) => {
      expect(fold(events, size)).toEqual(fold(events, 1));
    }),
  );
});

test('content that differs is told of duplicates within a batch and of those without', () => {
  const known = dedupe([event('a', [], '1'), event('a', [], '2'), event('a', [], '1'), event('h', [], '9')]);
  const held = new Map([['h', { batchId: 4, fingerprint: '8' }]]);
  expect(settle(known, held, 7).outcomes).toEqual([
    { fate: 'landed' },
    { fate: 'duplicate', holder: { batchId: 7, contentDiffers: true } },
    { fate: 'duplicate', holder: { batchId: 7, contentDiffers: false } },
    { fate: 'duplicate', holder: { batchId: 4, contentDiffers: true } },
  ]);
});
