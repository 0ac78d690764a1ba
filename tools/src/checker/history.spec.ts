import { parseHistory } from './history';

const INVOKED = {
  type: 'invoke',
  op: 1,
  route: '/v1/events',
  atMs: 5,
  items: [{ key: 'a', hash: 'h', fate: 'landed' }],
};
const DONE = { type: 'ok', op: 1, atMs: 9, status: 202 };
const read = (...lines: string[]): unknown[] => [...parseHistory(lines)];

it('reads entries line by line', () => {
  expect(read(JSON.stringify(INVOKED), '', JSON.stringify(DONE))).toEqual([INVOKED, DONE]);
});

it('leaves out a last line that was cut off', () => {
  expect(read(JSON.stringify(INVOKED), JSON.stringify(DONE).slice(0, -5))).toEqual([INVOKED]);
});

it.each(['nonsense', '{"type":"ok"}', '{"type":"invoke","op":1}', '{"type":"else","op":1}', 'null'])(
  'refuses %s in the middle',
  (line) => expect(() => read(line, JSON.stringify(DONE))).toThrow('line 1'),
);
