import type { Chance } from './chance';
import type { FuzzRequest } from './operations';

/** The bytes of a request: with its length, or in chunks cut anywhere. */
export function onTheWire(chance: Chance, { method, target, headers, body }: FuzzRequest): Buffer {
  const chunked = body.length > 0 && chance.one(10);
  const framing = chunked
    ? ['transfer-encoding: chunked']
    : body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH'
      ? [`content-length: ${body.length}`]
      : [];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'host: localhost',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...framing,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, chunked ? inChunks(chance, body) : body]);
}

function inChunks(chance: Chance, body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + 1 + chance.below(Math.max(1, body.length)));
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    at += piece.length;
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** What makes bytes no HTTP/1.1 message, or one that two readers could read differently. */
const DAMAGES: readonly ((chance: Chance, text: string) => string)[] = [
  (_chance, text) => text.replace(/content-length: \d+/i, 'content-length: 5\r\ncontent-length: 6'),
  (_chance, text) => text.replace(/content-length: (\d+)/i, 'content-length: $1\r\ntransfer-encoding: chunked'),
  (_chance, text) => text.replace(/content-length: \d+/i, 'content-length: -1'),
  (_chance, text) => text.replace(/content-length: \d+/i, 'content-length: 99999999999999999999'),
  (_chance, text) => text.replace(/content-length: \d+/i, 'transfer-encoding: gzip, chunked'),
  (_chance, text) => text.replace(/content-length: \d+/i, 'transfer-encoding: chunked\r\n') + 'zz\r\n',
  (_chance, text) => text.replace('HTTP/1.1', 'HTTP/9.9'),
  (_chance, text) => text.replace('HTTP/1.1', 'HTTP/1.0'),
  (_chance, text) => text.replace(' HTTP/1.1', ''),
  (_chance, text) => text.replace('host: localhost\r\n', ''),
  (_chance, text) => text.replace('host: localhost', 'host: a\r\nhost: b'),
  (_chance, text) => text.replace('host: localhost', 'host : localhost'),
  (_chance, text) => text.replace('host: localhost', ` folded\r\nhost: localhost`),
  (_chance, text) => text.replace('host: localhost', `x: ${'y'.repeat(40_000)}`),
  (_chance, text) => text.replace('host: localhost', `${'x: y\r\n'.repeat(3_000)}host: localhost`),
  (_chance, text) => text.replace(/^(\S+) (\S+)/, '$1 http://elsewhere$2'),
  (_chance, text) => text.replace(/^(\S+) (\S+)/, '$1 *'),
  (_chance, text) => text.replace(/^(\S+) (\S+)/, '$1 \x00$2'),
  (_chance, text) => text.replace(/^(\S+) (\S+)/, `$1 $2?${'q'.repeat(20_000)}`),
  (_chance, text) => text.replace(/^\S+/, 'G\x01T'),
  (_chance, text) => text.replaceAll('\r\n', '\n'),
  (chance, text) => text.slice(0, 1 + chance.below(text.length)),
  (chance, text) => {
    const at = chance.below(text.length);
    return text.slice(0, at) + String.fromCharCode(chance.below(256)) + text.slice(at + 1);
  },
  (_chance, text) => `\r\n\r\n${text}`,
  (_chance, text) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${text}`,
  (_chance, text) => text.replace('host: localhost', 'host: localhost\r\nconnection: upgrade\r\nupgrade: websocket'),
  (_chance, text) => text.replace('host: localhost', 'host: localhost\r\nexpect: 100-continue'),
];

/**
 * The same bytes, damaged as no client library would: what comes back may be several answers, one, or none, and the
 * connection is to be ended by whoever sent it.
 */
export function malformed(chance: Chance, request: Buffer): Buffer {
  return Buffer.from(chance.pick(DAMAGES)(chance, request.toString('latin1')), 'latin1');
}
