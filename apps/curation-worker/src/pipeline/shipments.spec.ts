import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { compile, readCatalogDir } from '@millrace/contracts';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { InboundHeaders } from '@millrace/topics';
import { ContractsInForce } from '../contracts/in-force';
import { testProtections } from '../testing/protections';
import { curate, type Validated } from './curate';
import { dedupe, type Held, settle } from './dedupe';
import type { Outcome } from './outcome';
import { type Received, receive } from './received';

const DEMO = path.join(__dirname, '../../../../demo/shipments');
const expected = JSON.parse(readFileSync(path.join(DEMO, 'expected/manifest.json'), 'utf8')) as {
  lines: number;
  unique_valid_events: number;
  duplicates: number;
  quarantined: number;
  duplicates_reserialised: number;
};

const headers: InboundHeaders = { format: 'event', tenant: 'default', source: 'http', at: '2026-11-21T10:00:00.000Z' };
const contracts = new ContractsInForce(
  1,
  readCatalogDir().map(({ contract }) => ({
    compiled: compile(contract),
    label: `${contract.name}@${contract.version}`,
    schemaHash: '0',
  })),
);

function lines(): Buffer[] {
  const bytes = gunzipSync(readFileSync(path.join(DEMO, 'events.jsonl.gz')));
  const found: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = bytes.indexOf(10, start);
    if (end < 0) end = bytes.length;
    if (end > start) found.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return found;
}

function asReceived(values: readonly Buffer[]): readonly Received[] {
  const records = values.map((value, offset) => ({
    key: null,
    headers: headers as unknown as Record<string, string>,
    value,
    offset,
  }));
  const batch = {
    header: { appendId: '11111111-1111-4111-8111-111111111111' },
    appendedAt: new Date(0),
    base: 0,
    size: records.length,
    records,
  };
  return receive('events.inbound', '0', { from: 0, to: records.length }, [batch]).items;
}

/** A plain fold over batches: what the landing store's claims amount to. */
function fold(validated: readonly Validated[], batchEvents: number): Outcome[] {
  const claims = new Map<string, Held>();
  const outcomes: Outcome[] = [];
  for (let from = 0, batchId = 1; from < validated.length; from += batchEvents, batchId++) {
    const known = dedupe(validated.slice(from, from + batchEvents));
    const held = new Map<string, Held>();
    for (const { key, fingerprint } of known.candidates) {
      const holder = claims.get(key);
      if (holder) held.set(key, holder);
      else claims.set(key, { batchId, fingerprint });
    }
    outcomes.push(...settle(known, held, batchId).outcomes);
  }
  return outcomes;
}

const count = (outcomes: readonly Outcome[]): Record<string, number> => {
  const found: Record<string, number> = { landed: 0, duplicate: 0, quarantined: 0 };
  for (const { fate } of outcomes) found[fate]++;
  return found;
};

/** Mulberry32: a small seeded generator, so that a failing order can be repeated. */
function shuffle<T>(items: readonly T[], seed: number): T[] {
  const out = [...items];
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

describe('the shipments data set', () => {
  const answer = {
    landed: expected.unique_valid_events,
    duplicate: expected.duplicates,
    quarantined: expected.quarantined,
  };
  let items: readonly Received[];
  let validated: readonly Validated[];

  beforeAll(async () => {
    items = asReceived(lines());
    const protection = await testProtections(createMemoryStorage()).under(contracts, 0, false);
    ({ validated } = await curate(items, contracts, protection));
  });

  test('has as many lines as its manifest says', () => expect(items).toHaveLength(expected.lines));

  test.each([1, 7, 500, 5_000, 47_680])('gives the known answer in batches of %i', (batchEvents) => {
    expect(count(fold(validated, batchEvents))).toEqual(answer);
  });

  test.each([1, 2, 3])('gives the known answer in any order (seed %i)', (seed) => {
    expect(count(fold(shuffle(validated, seed), 4_000))).toEqual(answer);
  });

  test('a duplicate that was written anew is not taken for another content', () => {
    const duplicates = fold(validated, 5_000).filter((outcome) => outcome.fate === 'duplicate');
    expect(duplicates.some((outcome) => outcome.fate === 'duplicate' && outcome.holder.contentDiffers)).toBe(false);
    expect(expected.duplicates_reserialised).toBeGreaterThan(0);
  });

  test('reading it twice changes nothing: all that had landed are duplicates', () => {
    const twice = fold([...validated, ...validated], 10_000);
    expect(count(twice)).toEqual({
      landed: expected.unique_valid_events,
      duplicate: 2 * expected.duplicates + expected.unique_valid_events,
      quarantined: 2 * expected.quarantined,
    });
  });
});
