import { readDataSet } from '../../demo/data-set';
import { eventOf } from './event-run';
import { readJson, writeJson } from './json-text';

const { lines } = readDataSet();
const EVENTS = 3_000;
const made = Array.from({ length: EVENTS }, (_, n) => eventOf(3, n, lines));

/** Null for what is no object. */
function parsed(line: Buffer): Record<string, unknown> | null {
  try {
    const value = JSON.parse(line.toString()) as unknown;
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

it('what is read is written again as it was', () => {
  const good = lines
    .slice(0, 200)
    .map((line) => line.toString())
    .filter((line) => /^\{"event_id".*\}$/.test(line));
  expect(good.length).toBeGreaterThan(150);
  for (const line of good) expect(JSON.parse(writeJson(readJson(line)))).toEqual(JSON.parse(line));
  expect(writeJson(readJson('{"a":[1,{"__proto__":{"x":null}},"\\ud800"],"__proto__":2}'))).toBe(
    '{"a":[1,{"__proto__":{"x":null}},"\\ud800"],"__proto__":2}',
  );
});

it('an event depends on its seed and number only, and is one line', () => {
  for (const n of [0, 17, 2_500]) expect(eventOf(3, n, lines)).toEqual(made[n]);
  expect(eventOf(4, 17, lines)).not.toEqual(made[17]);
  for (const line of made) {
    expect(line.includes(10) || line.includes(13)).toBe(false);
    expect(line.toString('latin1').trim()).not.toBe('');
  }
});

it('most are still events of their own, and every kind of damage is among them', () => {
  const events = made.map(parsed);
  const good = events.filter((event) => typeof event?.['payload'] === 'object');
  expect(good.length).toBeGreaterThan(EVENTS / 2);
  expect(new Set(good.map((event) => event?.['event_id'])).size).toBeGreaterThan(EVENTS / 2);
  const text = made.map((line) => line.toString('latin1'));
  const has = (pattern: RegExp): number => text.filter((line) => pattern.test(line)).length;
  const kinds = {
    'no object': events.filter((event) => event === null).length,
    'huge number': has(/1e309|9223372036854775808|0{300}/),
    'far time': has(/"(9999-12-31|0001-01-01|294277)/),
    'lone surrogate': has(/\\ud800|\\udfff/),
    NUL: has(/\\u0000/),
    prototype: has(/"__proto__"/),
    deep: has(/\[{64}|(\{"a":){64}/),
    twin: has(/"status":[^,]*,.*"status":/),
    'missing payload': events.filter((event) => event && !('payload' in event)).length,
    'missing type': events.filter((event) => event && !('event_type' in event)).length,
    'wrong type': events.filter((event) => event && typeof event['event_time'] === 'number').length,
    'very long': text.filter((line) => line.length > 90_000).length,
  };
  expect(Object.entries(kinds).filter(([, count]) => count === 0)).toEqual([]);
});
