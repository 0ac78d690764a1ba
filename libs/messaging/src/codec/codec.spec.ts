import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import type { BatchHeader, LogRecord } from '../port';
import { CodecError, type CodecErrorCode } from './codec-error';
import { decodeFrame } from './decode';
import { encodeFrame } from './encode';
import { FRAME_LIMITS } from './layout';

const headers = fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 4, noNullPrototype: true });
const record = fc.record({
  key: fc.option(fc.string({ unit: 'grapheme' }), { nil: null }),
  headers,
  value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const header: BatchHeader = {
  appendId: 'b6d0f7a4-7e0f-4f3e-9a39-0a5f3f2d9c11',
  producer: { incarnation: 'g-1', sequence: 7 },
  counts: [{ tenant: 'a\u0000b', source: 'http', hour: '2026-11-21T09:00:00.000Z', count: 2 }],
};
const one: LogRecord = { key: 'k', headers: { a: '1' }, value: Buffer.from('value') };

function codeOf(fn: () => unknown): CodecErrorCode | undefined {
  try {
    fn();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return (error as CodecError).code;
  }
}

/** Changes bytes and makes the checksum right again, as a faulty writer would. */
function forged(frame: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(frame);
  change(copy);
  copy.writeUInt32LE(crc32(copy.subarray(8)), 4);
  return copy;
}

describe('record batch codec', () => {
  it('gives back every record and the header, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), fc.boolean(), (records, withHeader) => {
        const decoded = decodeFrame(encodeFrame(records, withHeader ? header : undefined));
        expect(decoded.header).toEqual(withHeader ? header : null);
        expect(decoded.records).toEqual(records);
      }),
    );
  });

  it('notices any single altered byte', () => {
    const frame = encodeFrame([one, one], header);
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(frame);
        bad[at] ^= flip;
        expect(codeOf(() => decodeFrame(bad))).toBeDefined();
      }),
    );
  });

  it('notices a frame cut short at any byte, or followed by more', () => {
    const frame = encodeFrame([one, one], header);
    for (let end = 0; end < frame.length; end++)
      expect(codeOf(() => decodeFrame(frame.subarray(0, end)))).toBeDefined();
    expect(codeOf(() => decodeFrame(Buffer.concat([frame, Buffer.alloc(1)])))).toBe('CODEC_CHECKSUM');
  });

  it('throws nothing but a CodecError on arbitrary bytes behind a valid checksum', () => {
    const frame = encodeFrame([one, { ...one, key: null }], header);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 8, max: frame.length - 1 }), fc.nat(255)), { maxLength: 6 }),
        (edits) => {
          const bad = forged(frame, (copy) => edits.forEach(([at, byte]) => (copy[at] = byte)));
          codeOf(() => decodeFrame(bad));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('says why it refuses', () => {
    const frame = encodeFrame([one], header);
    expect(codeOf(() => decodeFrame(Buffer.from('not a frame, but long enough')))).toBe('CODEC_NOT_A_FRAME');
    expect(codeOf(() => decodeFrame(forged(frame, (copy) => (copy[3] = 2))))).toBe('CODEC_VERSION');
    expect(codeOf(() => decodeFrame(forged(frame, (copy) => copy.writeUInt32LE(0xffffffff, 16))))).toBe(
      'CODEC_TRUNCATED',
    );
    expect(codeOf(() => decodeFrame(forged(frame, (copy) => copy.writeUInt32LE(0xffffffff, 12))))).toBe(
      'CODEC_TRUNCATED',
    );
    expect(codeOf(() => decodeFrame(forged(encodeFrame([one]), (copy) => (copy[24] = 0x5b))))).toBe('CODEC_INVALID');
  });

  it('stores a headers object that records share once, also when they only look the same', () => {
    const shared = { format: 'event', source: 'http', at: '2026-11-21T09:00:00.000Z' };
    const records = Array.from({ length: 100 }, () => ({ headers: shared, value: Buffer.from('x') }));
    const alike = records.map((r) => ({ ...r, headers: { ...shared } }));
    expect(encodeFrame(records).length).toBe(20 + 4 + JSON.stringify(shared).length + 100 * 13);
    expect(encodeFrame(alike).equals(encodeFrame(records))).toBe(true);
    const decoded = decodeFrame(encodeFrame(records)).records;
    expect(decoded[99].headers).toBe(decoded[0].headers);
  });

  it('copies no value when it decodes', () => {
    const frame = encodeFrame([one]);
    expect(decodeFrame(frame).records[0].value.buffer).toBe(frame.buffer);
  });

  it('keeps to its limits in both directions', () => {
    const small = { ...FRAME_LIMITS, frameBytesMax: 60, recordsMax: 1, headersBytesMax: 10, keyBytesMax: 2 };
    expect(codeOf(() => encodeFrame([one, one], undefined, small))).toBe('CODEC_LIMIT');
    expect(codeOf(() => encodeFrame([{ ...one, value: Buffer.alloc(60) }], undefined, small))).toBe('CODEC_LIMIT');
    expect(codeOf(() => encodeFrame([{ ...one, headers: { long: 'long enough' } }], undefined, small))).toBe(
      'CODEC_LIMIT',
    );
    expect(codeOf(() => encodeFrame([{ ...one, key: 'key' }], undefined, small))).toBe('CODEC_LIMIT');
    expect(codeOf(() => decodeFrame(encodeFrame([one, one]), { ...small, frameBytesMax: 1e6 }))).toBe('CODEC_LIMIT');
    expect(codeOf(() => decodeFrame(encodeFrame([{ ...one, value: Buffer.alloc(60) }]), small))).toBe('CODEC_LIMIT');
  });
});
