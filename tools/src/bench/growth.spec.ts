import { compare } from './growth';

test('histories are compared within their rounds, not over all of them', () => {
  // The machine is ten times slower in the second round: the ratio to the first history tells nothing of that.
  const rounds = [
    [{ ms: 1 }, { ms: 1.1 }],
    [{ ms: 10 }, { ms: 12 }],
    [{ ms: 2 }, { ms: 2 }],
  ];
  expect(compare(['short', 'long'], rounds)).toEqual({
    histories: ['short', 'long'],
    lines: [{ measure: 'ms', medians: [2, 2], ratios: [{ median: 1.1, min: 1, max: 1.2 }] }],
  });
});

test('what is not there in either history has not grown', () => {
  const { lines } = compare(['short', 'long'], [[{ rows: 0 }, { rows: 0 }]]);
  expect(lines[0].ratios).toEqual([{ median: 1, min: 1, max: 1 }]);
});

test('what is there in the longer history only has grown without bound', () => {
  const { lines } = compare(['short', 'long'], [[{ rows: 0 }, { rows: 5 }]]);
  expect(lines[0].ratios[0].median).toBe(Infinity);
});
