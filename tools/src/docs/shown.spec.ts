import { matchShown } from './shown';

const SHOWN = '{"a": "b-…-c", "list": [{"n": 1}], "none": null}';

it.each([
  ['it is as shown', { a: 'b-2026-c', list: [{ n: 1, more: 2 }], none: null, other: 1 }, []],
  ['a text differs', { a: 'b-c', list: [{ n: 1 }], none: null }, ['$.a is "b-c", shown as "b-…-c"']],
  ['a number differs', { a: 'b--c', list: [{ n: 2 }], none: null }, ['$.list[0].n is 2, shown as 1']],
  ['a list is longer', { a: 'b--c', list: [{ n: 1 }, 2], none: null }, ['$.list is [{"n":1},2], shown as [{"n":1}]']],
  ['a member is absent', { a: 'b--c', list: [{ n: 1 }] }, ['$.none is undefined, shown as null']],
])('%s', (_what, actual, expected) => {
  expect(matchShown(SHOWN, actual)).toEqual(expected);
});

it('what is no JSON is not taken for an answer', () => {
  expect(() => matchShown('{"a": 1, …}', {})).toThrow(SyntaxError);
});
