import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { currentTraceparent, withTraceparent } from './context';
import { systemRandom } from './random';
import { formatTraceparent, parseTraceparent } from './traceparent';
import { isTracing, startTracing, withSpan } from './tracing';

const A = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const B = '00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00';

describe('traceparent', () => {
  it('is read and written back as it was', () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
    fc.assert(
      fc.property(hex(32), hex(16), fc.constantFrom('00', '01'), (traceId, spanId, flags) => {
        fc.pre(/[^0]/.test(traceId) && /[^0]/.test(spanId));
        const header = `00-${traceId}-${spanId}-${flags}`;
        const span = parseTraceparent(header);
        expect(span && formatTraceparent(span)).toBe(header);
      }),
    );
  });

  it.each([
    undefined,
    '',
    'nonsense',
    A.toUpperCase(),
    A.slice(0, -1),
    `${A}-more`,
    A.replace(/^00/, 'ff'),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
  ])('refuses %s', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it('reads later versions by their first fields', () => {
    expect(parseTraceparent(`01${A.slice(2)}-more`)).toMatchObject({ traceId: A.slice(3, 35), traceFlags: 1 });
  });
});

describe('context without a collector', () => {
  it('carries a given trace through promises and timers, apart from other traces', async () => {
    const seen = await Promise.all(
      [A, B, undefined].map((header) =>
        withTraceparent(header, async () => {
          await sleep(5);
          await null;
          return currentTraceparent();
        }),
      ),
    );
    expect(seen).toEqual([A, B, undefined]);
    expect(currentTraceparent()).toBeUndefined();
  });

  it('carries the parent of a span on, and makes no trace of its own', async () => {
    expect(startTracing({ service: 'x' }).exporting).toBe(false);
    expect(isTracing()).toBe(false);
    expect(await withSpan('a', { parent: A }, () => currentTraceparent())).toBe(A);
    expect(await withSpan('a', {}, () => currentTraceparent())).toBeUndefined();
    expect(await withSpan('a', { parent: 'nonsense' }, () => currentTraceparent())).toBeUndefined();
    await expect(withSpan('a', { parent: A }, () => Promise.reject(new Error('thrown on')))).rejects.toThrow(
      'thrown on',
    );
  });
});

describe('system random', () => {
  it('never hands out the same bytes twice, nor changes those handed out', () => {
    const drawn = Array.from({ length: 2000 }, () => systemRandom.bytes(16));
    const before = drawn.map((bytes) => bytes.toString('hex'));
    systemRandom.bytes(10_000);
    expect(drawn.map((bytes) => bytes.toString('hex'))).toEqual(before);
    expect(new Set(before).size).toBe(2000);
    expect(drawn.every((bytes) => bytes.length === 16)).toBe(true);
  });
});
