import type { Chance } from './chance';

const EVENT =
  '{"event_type":"a.b","event_id":"e-1","event_time":"2026-01-02T03:04:05.678Z","payload":{"n":12345678901234567890,"s":"\\u00e9\\ud83d\\ude00","l":[1,-0.5e-7,null,true]}}';
const FLAT = '{"event_type":"order.created","order_id":"o-1","timestamp":"2026-01-02","geo":{"lat":1.5}}';
const SINGLE = '{"eventType":"a","payload":{"x":{"y":[{}]}},"metadata":{"k":"v"}}';
const CLOUD_EVENT =
  '{"specversion":"1.0","id":"1","source":"/s","type":"t.u","time":"2026-01-02T03:04:05Z","ext":1,"data":{"a":1}}';
const PUSH = `{"message":{"data":"${Buffer.from(FLAT).toString('base64')}","attributes":{"a":"b"},"messageId":"1"},"subscription":"s"}`;

/** Bodies that are fine, to begin with. */
export const BODIES: readonly string[] = [
  EVENT,
  FLAT,
  SINGLE,
  CLOUD_EVENT,
  PUSH,
  `[${EVENT},${FLAT}, ${CLOUD_EVENT}]`,
  `${EVENT}\n${FLAT}\r\n\n${CLOUD_EVENT}\n`,
  '[]',
  '',
  'null',
  '"text"',
];

/** The body that a route was made for, or any; rarely one that is too large. */
export function bodyFor(chance: Chance, path: string): Buffer {
  if (chance.one(500)) return Buffer.from(`{"event_type":"a","s":"${'x'.repeat(1 << 20)}"}`);
  const own = path.startsWith('/events') ? SINGLE : path.startsWith('/api') ? PUSH : null;
  if (own === null || chance.one(3)) return mutate(chance, Buffer.from(chance.pick(BODIES)));
  return chance.one(2) ? Buffer.from(own) : mutate(chance, Buffer.from(own));
}

const PIECES: readonly (string | Buffer)[] = [
  '\0',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\r\n',
  ' ',
  'null',
  'NaN',
  '1e999',
  '-',
  '\\u0000',
  '\\ud800',
  '\\',
  '/**/',
  '"__proto__":',
  '{"__proto__":{"x":1}}',
  '"constructor":{"prototype":1}',
  '"event_type":5,',
  '"event_type":"b",',
  '"event_id":"",',
  '"event_time":"2026-02-30T00:00:00Z",',
  '"specversion":"9",',
  '"payload":null,',
  '99999999999999999999999999',
  '0'.repeat(400),
  '['.repeat(80),
  ']'.repeat(80),
  '{"a":'.repeat(70),
  'x'.repeat(5_000),
  '\u{1f600}',
  '\ufeff',
  '\u2028',
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf5, 0x80, 0x80, 0x80]),
  Buffer.from([0xe2, 0x82]),
];

/** One to four changes of a body, or none. */
export function mutate(chance: Chance, body: Buffer): Buffer {
  let bytes = body;
  for (let changes = chance.below(5); changes > 0; changes--) {
    const at = chance.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + chance.below(20));
    switch (chance.below(6)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(chance.pick(PIECES)), bytes.subarray(at)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes, bytes.subarray(at, to), bytes.subarray(0, chance.below(bytes.length + 1))]);
        break;
      case 4: {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[chance.below(changed.length)] = chance.below(256);
        bytes = changed;
        break;
      }
      default: {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[chance.below(changed.length)] ^= 1 << chance.below(8);
        bytes = changed;
      }
    }
  }
  return bytes;
}
