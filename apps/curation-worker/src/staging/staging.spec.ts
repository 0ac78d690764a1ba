import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Duck } from '@millrace/lakehouse';
import { quoteLiteral } from '@millrace/lakehouse/duckdb';
import fc from 'fast-check';
import { batchOf, HEADERS, shipmentEvent } from '../testing/landing-bench';
import { testDuck } from '../testing/worker-under-test';
import { bisect } from './bisect';
import { ByteBuilder } from './byte-builder';
import { DELIMITER, field, READ_OPTIONS } from './delimited';
import { rawPartPath, writerOf } from './paths';
import { addRawLine, rawLineHead } from './raw-line';

describe('row files', () => {
  let duck: Duck;
  let folder: string;
  beforeAll(async () => {
    duck = await testDuck();
    folder = await mkdtemp(path.join(os.tmpdir(), 'rows-'));
  });
  afterAll(async () => {
    await duck.close();
    await rm(folder, { recursive: true });
  });

  test('any text, and none, comes back as it was', async () => {
    const odd = fc.constantFrom(
      '',
      '\x01',
      '\x02',
      '\x02\x02',
      '\x03',
      '\n',
      '\r\n',
      '\r',
      '\0',
      '"',
      "'",
      '\\N',
      '\t',
      ' ',
      'é😀',
      '\u2028',
    );
    // Half a surrogate pair has no UTF-8; the envelope refuses it.
    const text = fc.oneof(
      odd,
      fc.string({ unit: 'grapheme' }),
      fc.tuple(odd, fc.string(), odd).map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.option(text), fc.option(text)), { minLength: 1, maxLength: 50 }),
        async (rows) => {
          const file = path.join(folder, 'rows');
          await writeFile(
            file,
            rows.map(([a, b], i) => [String(i), field(a), field(b)].join(DELIMITER) + '\n').join(''),
          );
          const columns = "{'i': 'INTEGER', 'a': 'VARCHAR', 'b': 'VARCHAR'}";
          // As hex: reading text back would strip a byte order mark.
          const found = await duck.query(
            `SELECT hex(a) AS a, hex(b) AS b FROM read_csv(${quoteLiteral(file)}, ${READ_OPTIONS}, columns=${columns}) ORDER BY i`,
          );
          const hex = (value: string | null): string | null =>
            value === null ? null : Buffer.from(value).toString('hex').toUpperCase();
          expect(found.map((row) => [row['a'], row['b']])).toEqual(rows.map(([a, b]) => [hex(a), hex(b)]));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('raw lines', () => {
  const line = (value: Buffer, isJson: boolean): string => {
    const builder = new ByteBuilder(16);
    const [received] = batchOf([value], 41).items;
    addRawLine(builder, rawLineHead(received.origin), received, isJson);
    return builder.done().toString('latin1');
  };
  const bytesOf = (text: string): Buffer => {
    expect(text.indexOf('\n')).toBe(text.length - 1);
    const parsed = JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as { text?: string; base64?: string };
    if (parsed.base64 !== undefined) return Buffer.from(parsed.base64, 'base64');
    if (parsed.text !== undefined) return Buffer.from(parsed.text);
    return Buffer.from(text.slice(text.indexOf('"body":') + 7, -2), 'latin1');
  };

  test('JSON on one line is kept inline, with what was known when it was accepted', () => {
    const text = line(shipmentEvent('a'), true);
    expect(JSON.parse(text)).toMatchObject({
      tenant: HEADERS.tenant,
      source: HEADERS.source,
      at: HEADERS.at,
      offset: 41,
      body: { event_id: 'a' },
    });
  });

  test.each([
    ['JSON on several lines', Buffer.from('{\n"a": 0.10}'), true],
    ['text', Buffer.from('<html>"\\ é😀\u2028\0'), false],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x0a, 0xc3, 0x28]), false],
    ['half a surrogate pair in UTF-8', Buffer.from([0xed, 0xa0, 0x80]), false],
    ['nothing', Buffer.alloc(0), false],
  ])('%s comes back byte for byte', (_, value, isJson) => {
    expect(bytesOf(line(value, isJson))).toEqual(value);
  });

  test('any bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        expect(bytesOf(line(Buffer.from(bytes), false))).toEqual(Buffer.from(bytes)),
      ),
    );
  });
});

describe('paths', () => {
  test('an event type is a folder that no name can leave', () => {
    const folders = [
      'a/b',
      '../../etc',
      'a=b',
      'é',
      '.',
      '..',
      'x'.repeat(500),
      `${'é'.repeat(200)}a`,
      `${'é'.repeat(200)}b`,
    ].map((type) => rawPartPath(type, '2026-01-01', 7, 3));
    for (const found of folders) {
      expect(found.split('/')).toHaveLength(4);
      for (const segment of found.split('/')) expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(255);
      expect(writerOf(found)).toEqual({ batchId: 7, epoch: 3 });
    }
    expect(new Set(folders).size).toBe(folders.length);
  });

  test('only files of landings have a writer', () => {
    expect(writerOf('staged/clean.events/b12-4.parquet')).toEqual({ batchId: 12, epoch: 4 });
    for (const other of ['catalog/1.json', 'staged/clean.events/other.parquet', 'raw/b12-4.parquet.tmp'])
      expect(writerOf(other)).toBeNull();
  });
});

test('bisecting finds exactly the bad ones, in few tries', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 400 }),
      fc.uniqueArray(fc.nat(399), { maxLength: 8 }),
      async (n, positions) => {
        const bad = new Set(positions.filter((position) => position < n));
        let tries = 0;
        const found = await bisect(
          Array.from({ length: n }, (_, i) => i),
          async (some) => (tries++, !some.some((i) => bad.has(i))),
        );
        expect(found).toEqual([...bad].sort((a, b) => a - b));
        expect(tries).toBeLessThanOrEqual(1 + bad.size * 2 * Math.ceil(Math.log2(Math.max(2, n))));
      },
    ),
  );
});
