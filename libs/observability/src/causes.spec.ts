import { causedBy, LINKS_MAX } from './causes';

const of = (trace: number, span: number): string =>
  `00-${trace.toString(16).padStart(32, '0')}-${span.toString(16).padStart(16, '0')}-01`;

test('what one trace caused continues it, and is linked to the further causes', () => {
  expect(causedBy([of(1, 1)])).toEqual({ parent: of(1, 1), links: [] });
  expect(causedBy([of(1, 1), of(1, 1), undefined, of(1, 2)])).toEqual({ parent: of(1, 1), links: [of(1, 2)] });
});

test('what several traces caused is a trace of its own, linked to each cause once', () => {
  expect(causedBy([of(1, 1), of(2, 1), of(1, 1)])).toEqual({ links: [of(1, 1), of(2, 1)] });
});

test('what no trace caused has neither parent nor links', () => {
  expect(causedBy([])).toEqual({ links: [] });
  expect(causedBy([undefined, null, 'nonsense', of(0, 1)])).toEqual({ links: [] });
});

test('links are bounded, and no more causes are looked at than make them', () => {
  let read = 0;
  function* endless(): Generator<string> {
    for (;;) yield of(++read, 1);
  }
  expect(causedBy(endless()).links).toHaveLength(LINKS_MAX);
  expect(read).toBe(LINKS_MAX + 1);
});
