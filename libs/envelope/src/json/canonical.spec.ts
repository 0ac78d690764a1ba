import referenceCanonicalize from 'canonicalize';
import fc from 'fast-check';
import { contentId } from '../identity/content-id';
import { canonicalize } from './canonical';
import { parseLossless } from './lossless';

describe('canonicalize', () => {
  it('writes what the reference implementation writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), (value) => {
        const clean: unknown = JSON.parse(JSON.stringify(value));
        expect(canonicalize(clean)).toBe(referenceCanonicalize(clean));
      }),
    );
  });

  it('writes doubles as ECMAScript does', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) =>
        expect(canonicalize(x)).toBe(referenceCanonicalize(x)),
      ),
    );
    expect(canonicalize([-0, 1e21, 1e-7, Number('333333333.33333329'), 4.5])).toBe(
      '[0,1e+21,1e-7,333333333.3333333,4.5]',
    );
  });

  it('keeps every digit of integers beyond 2^53, which the RFC would round', () => {
    const text = '{"b":-123456789012345678901234567890,"a":[9007199254740993,9007199254740991,1.5,9007199254740993.0]}';
    expect(canonicalize(parseLossless(text))).toBe(
      '{"a":[9007199254740993,9007199254740991,1.5,9007199254740992],"b":-123456789012345678901234567890}',
    );
    expect(contentId(parseLossless('{"n":9007199254740993}'))).not.toBe(
      contentId(parseLossless('{"n":9007199254740992}')),
    );
  });

  it.each([[NaN], [Infinity], [undefined], [() => 1], ['\ud800'], [{ '\udc00': 1 }], [[Symbol('s')]]])(
    'throws for %p, which JSON does not have',
    (value) => {
      expect(() => canonicalize(value)).toThrow(TypeError);
    },
  );

  it('takes text that only looks like a lone surrogate', () => {
    expect(canonicalize('\\ud800')).toBe('"\\\\ud800"');
    expect(canonicalize('\u0001 \u{1f602}')).toBe('"\\u0001 \u{1f602}"');
  });
});

describe('parseLossless', () => {
  it('is JSON.parse for all that doubles hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        const big = /\d{16}/.test(text);
        if (!big) expect(parseLossless(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('gives any integer back', () => {
    fc.assert(fc.property(fc.bigInt(), (n) => expect(String(parseLossless(String(n)))).toBe(String(n))));
  });
});
