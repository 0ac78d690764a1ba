import fc from 'fast-check';
import { guessObjects } from './guess-objects';
import { splitJsonArray } from './split';

const texts = (items: readonly Buffer[] | undefined | null): string[] | undefined => items?.map(String);

function areObjects(items: readonly Buffer[]): boolean {
  try {
    return items.every((item) => /^\{/.test(String(item)) && typeof JSON.parse(String(item)) === 'object');
  } catch {
    return false;
  }
}

describe('guessObjects', () => {
  it('finds what splitJsonArray finds, wherever it gives objects only', () => {
    const awkward = fc.constantFrom('},{', '[{', '}]', '{}', ' ', ',', '"');
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), awkward, fc.array(fc.record({ a: awkward })));
    const object = fc.dictionary(fc.oneof(fc.string(), awkward), value, { maxKeys: 3, noNullPrototype: true });
    const element = fc.oneof({ weight: 5, arbitrary: object.map((o) => JSON.stringify(o)) }, awkward);
    let right = 0;
    fc.assert(
      fc.property(fc.array(element, { maxLength: 6 }), fc.constantFrom(',', ', '), (elements, comma) => {
        const body = Buffer.from(` [${elements.join(comma)}]\n`);
        const guess = guessObjects(body);
        if (guess === null || !areObjects(guess)) return;
        expect(texts(guess)).toEqual(texts(splitJsonArray(body).items));
        right++;
      }),
      { numRuns: 2_000 },
    );
    expect(right).toBeGreaterThan(100);
  });

  it.each(['', '[]', '[1]', '{}', '[{}', '{}]', '[{},1]', '[1,{}]', '[ {}]', '[{', '{]', '[}', '[{]'])(
    'leaves %j to splitJsonArray',
    (body) => expect(guessObjects(Buffer.from(body))).toBeNull(),
  );

  it('leaves more than the limit to splitJsonArray', () => {
    expect(texts(guessObjects(Buffer.from('[{},{}]'), { itemsMax: 2 }))).toEqual(['{}', '{}']);
    expect(guessObjects(Buffer.from('[{},{},{}]'), { itemsMax: 2 })).toBeNull();
  });
});
