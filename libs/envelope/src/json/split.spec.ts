import fc from 'fast-check';
import { splitJsonArray, splitNdjson } from './split';

const texts = (items: Buffer[] | undefined): string[] | undefined => items?.map(String);

describe('splitJsonArray', () => {
  it('gives each element exactly as it was written', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t\r\n ');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.jsonValue(), space, space)), space, (elements, outer) => {
        const written = elements.map(([value]) => JSON.stringify(value, null, elements.length % 2));
        const body = `${outer}[${written.map((w, n) => elements[n][1] + w + elements[n][2]).join(',')}]${outer}`;
        expect(texts(splitJsonArray(Buffer.from(body)).items)).toEqual(written);
      }),
    );
  });

  it('keeps damaged elements as items, and their neighbours whole', () => {
    const body = Buffer.concat([
      Buffer.from('[{"a":NaN}, null,{"b":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"},nonsense,{"c":1}]'),
    ]);
    expect(splitJsonArray(body).items?.map((i) => i.toString('latin1'))).toEqual([
      '{"a":NaN}',
      'null',
      '{"b":"\xff\xfe"}',
      'nonsense',
      '{"c":1}',
    ]);
  });

  it('is not misled by brackets, commas and quotes inside strings', () => {
    expect(texts(splitJsonArray(Buffer.from('[{"a":"],[\\"}"},"\\\\",","]')).items)).toEqual([
      '{"a":"],[\\"}"}',
      '"\\\\"',
      '","',
    ]);
  });

  it.each([
    '',
    '{}',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1 2]',
    '[1]x',
    '[{]',
    '["a]',
    '[{"a":1}{"b":2}]',
    '[]]',
    '["\\',
  ])('refuses %j, which is no array', (body) =>
    expect(splitJsonArray(Buffer.from(body))).toMatchObject({ refusal: { reason: 'malformed_array', path: '$' } }),
  );

  it('never throws, and splits only what closes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'[]{},:"\\ 1a\n')), (soup) => {
        const { items, refusal } = splitJsonArray(Buffer.from(`[${soup.join('')}`));
        expect(items === undefined).toBe(refusal !== undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes an empty array, and as many items as the limit', () => {
    expect(splitJsonArray(Buffer.from(' [ ] ')).items).toEqual([]);
    expect(splitJsonArray(Buffer.from('[1,2]'), { itemsMax: 2 }).items).toHaveLength(2);
    expect(splitJsonArray(Buffer.from('[1,2,3]'), { itemsMax: 2 }).refusal?.reason).toBe('too_many_items');
  });
});

describe('splitNdjson', () => {
  it('gives each line without its break; blank lines are no items', () => {
    expect(texts(splitNdjson(Buffer.from('{"a":1}\r\n\n  \n{"b":2}\nlast')).items)).toEqual([
      '{"a":1}',
      '{"b":2}',
      'last',
    ]);
    expect(splitNdjson(Buffer.alloc(0)).items).toEqual([]);
    expect(splitNdjson(Buffer.from('1\n2\n3'), { itemsMax: 2 }).refusal?.reason).toBe('too_many_items');
  });

  it('is the inverse of joining lines', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom('\n', '\r\n'), fc.boolean(), (values, eol, last) => {
        const lines = values.map((v) => JSON.stringify(v));
        expect(texts(splitNdjson(Buffer.from(lines.join(eol) + (last ? eol : ''))).items)).toEqual(lines);
      }),
    );
  });
});
