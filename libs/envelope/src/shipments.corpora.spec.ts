import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { corpus } from './corpora-dir';
import { contentIdOfItem, decode, fingerprint, inspect, splitNdjson, type InboundHeaders } from './index';

const dir = corpus('shipments');
const HEADERS: InboundHeaders = { format: 'event', tenant: 'default', source: 'http', at: '2026-01-02T03:04:05.678Z' };

describe(dir ? 'the shipments data set' : 'the shipments data set (absent)', () => {
  if (!dir) return void it('is left out for the reason printed', () => expect(dir).toBeNull());
  const manifest = JSON.parse(fs.readFileSync(path.join(dir, 'expected/manifest.json'), 'utf8'));
  const kinds: Record<string, number> = manifest.quarantined_by_kind;
  const body = gunzipSync(fs.readFileSync(path.join(dir, 'events.jsonl.gz')));
  const items = splitNdjson(body, { itemsMax: 100_000 }).items ?? [];
  const decoded = items.map((value) => decode(value, HEADERS));

  it('has as many items as lines', () => expect(items).toHaveLength(manifest.lines));

  it('loses exactly the lines that cannot be an event, each with its reason', () => {
    const reasons: Record<string, number> = {};
    for (const d of decoded) if (!d.ok) reasons[d.refusal.reason] = (reasons[d.refusal.reason] ?? 0) + 1;
    expect(reasons).toEqual({
      invalid_json: kinds.truncated + kinds.html,
      invalid_utf8: kinds.invalid_utf8,
      invalid_time: kinds.impossible_time,
      invalid_number: kinds.nan_literal,
      not_an_object: kinds.null_event,
    });
  });

  it('names the place of what is wrong', () => {
    const paths = new Set(decoded.flatMap((d) => (d.ok ? [] : [`${d.refusal.reason} ${d.refusal.path}`])));
    expect(paths).toContain('invalid_number $.payload.distance_miles');
    expect(paths).toContain('invalid_time $.event_time');
    expect(paths).toContain('not_an_object $');
  });

  it('is inspected at the door with the same verdicts, but for what only decoding sees', () => {
    const differ = items.filter((value, n) => inspect(value).ok !== decoded[n].ok);
    expect(differ).toHaveLength(kinds.impossible_time);
  });

  it('keeps id, type and time of an event as they were sent', () => {
    const wrong = items.filter((value, n) => {
      const d = decoded[n];
      if (!d.ok) return false;
      const sent = JSON.parse(value.toString());
      const { eventId, eventType, eventTime, payload, payloadJson, source } = d.envelope;
      const same = eventId === sent.event_id && eventType === sent.event_type && eventTime === sent.event_time;
      return (
        !same ||
        source !== sent.source ||
        JSON.stringify(payload) !== JSON.stringify(sent.payload) ||
        !value.includes(payloadJson)
      );
    });
    expect(wrong).toHaveLength(0);
  });

  it('gives a repetition, serialised anew or not, the same id, fingerprint and content id', () => {
    const first = new Map<string, string>();
    let repeated = 0;
    let serialisedAnew = 0;
    for (const [n, d] of decoded.entries()) {
      if (!d.ok) continue;
      const { eventId } = d.envelope;
      const identity = `${fingerprint(d.envelope.payload)} ${contentIdOfItem(items[n])}`;
      const known = first.get(eventId);
      if (known === undefined) first.set(eventId, identity);
      else {
        expect(identity).toBe(known);
        repeated++;
        if (items[n].includes('\\u0073')) serialisedAnew++;
      }
    }
    const byContract = kinds.wrong_type + kinds.missing_required + kinds.unknown_status + kinds.unknown_carrier;
    expect(first.size).toBe(manifest.unique_valid_events + byContract);
    expect(repeated).toBe(manifest.duplicates);
    // A copy that was serialised anew may also come first, so not each of them is the later one.
    expect(serialisedAnew).toBeGreaterThan(manifest.duplicates_reserialised * 0.9);
  });

  it('has a fingerprint of its own for every event', () => {
    const byFingerprint = new Map<string, string>();
    for (const d of decoded) {
      if (!d.ok) continue;
      const key = fingerprint(d.envelope.payload);
      const seen = byFingerprint.get(key);
      if (seen !== undefined && seen !== JSON.stringify(canonicalOrder(d.envelope.payload)))
        throw new Error(`${key} is shared`);
      byFingerprint.set(key, JSON.stringify(canonicalOrder(d.envelope.payload)));
    }
    expect(byFingerprint.size).toBeGreaterThan(manifest.unique_valid_events - 1);
  });
});

function canonicalOrder(value: unknown): unknown {
  return Object.fromEntries(Object.entries(value as object).sort(([x], [y]) => (x < y ? -1 : 1)));
}
