import { RecipeProcess, RECIPE_LIMITS } from './recipe-process.client';

const open: RecipeProcess[] = [];
const recipe = (kind: 'jsonata' | 'json-patch', body: string, limits = {}): RecipeProcess => {
  const made = new RecipeProcess(kind, body, { ...RECIPE_LIMITS, ...limits });
  open.push(made);
  return made;
};
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

test('an expression and a patch make the item that they say', async () => {
  const expression = recipe('jsonata', '$merge([$, {"n": n + 1}])');
  expect(await expression.apply('{"n": 1, "x": "y"}')).toEqual({ text: '{"n":2,"x":"y"}' });
  const patch = recipe('json-patch', '[{"op":"move","from":"/a","path":"/b"},{"op":"add","path":"/c","value":[1]}]');
  expect(await patch.apply('{"a":{"deep":true}}')).toEqual({ text: '{"b":{"deep":true},"c":[1]}' });
  expect([expression.started, patch.started]).toEqual([1, 1]);
});

test.each([
  ['jsonata', '$error("no such carrier")', /no such carrier/],
  ['jsonata', '"text"', /no object/],
  ['jsonata', 'nothing.there', /no object/],
  ['json-patch', '[{"op":"remove","path":"/absent"}]', /./],
  ['json-patch', '[{"op":"test","path":"/n","value":2}]', /./],
  ['json-patch', '[{"op":"add","path":"/__proto__/polluted","value":1}]', /prototype|__proto__/i],
] as const)('%s %s fails of the item, and the process goes on', async (kind, body, said) => {
  const one = recipe(kind, body);
  for (let i = 0; i < 2; i++) expect(await one.apply('{"n": 1}')).toEqual({ failure: expect.stringMatching(said) });
  expect(one.started).toBe(1);
});

test.each([
  ['jsonata', '$error(payload.email)', 'it says an error of its own, made of the item (D3137 at character 7)'],
  ['jsonata', '$number(payload.email)', 'Unable to cast value to a number: … (D3030 at character 8)'],
  ['jsonata', '$toMillis(payload.email)', /toMillis function must be .* Given … \(D3110/],
  ['jsonata', '$eval(payload.email)', /eval: …/],
  ['jsonata', '{"a": payload.email + 1}', /left side of the "\+" operator must evaluate to a number \(T2001/],
  ['jsonata', '$assert(false, payload.email)', /made of the item/],
  ['jsonata', '[1, payload.email]^($)', /order-by clause/],
  [
    'json-patch',
    '[{"op":"remove","path":"/absent"}]',
    /^operation 0 \(remove \/absent\) cannot be done: OPERATION_PATH_UNRES/,
  ],
  [
    'json-patch',
    '[{"op":"test","path":"/n","value":2}]',
    /^operation 0 \(test \/n\) cannot be done: TEST_OPERATION_FAILED$/,
  ],
] as const)('what is said of a failure of %s %s holds nothing of the item', async (kind, body, said) => {
  const applied = await recipe(kind, body).apply('{"payload": {"email": "ada@example.org"}, "n": 1}');
  const failure = 'failure' in applied ? applied.failure : JSON.stringify(applied);
  expect(failure).not.toContain('ada');
  expect(failure).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
});

test('a loop is stopped, and the next item has a process of its own', async () => {
  const one = recipe('jsonata', 'loop ? ($f := function($x) { $f($x + 1) }; $f(1)) : $', { msMax: 1_500 });
  expect(await one.apply('{"loop": false}')).toEqual({ text: '{"loop":false}' });
  expect(await one.apply('{"loop": true}')).toEqual({ failure: expect.stringMatching(/longer than 1500 ms|stack/) });
  expect(await one.apply('{"loop": false}')).toEqual({ text: '{"loop":false}' });
});

test('a patch that doubles the item with each operation ends at its limits, and not the process', async () => {
  const doubling = Array.from({ length: 60 }, (_, i) => [
    { op: 'copy', from: '/a', path: '/twin' },
    { op: 'move', from: '/twin', path: `/a/x${i}` },
  ]).flat();
  const one = recipe('json-patch', JSON.stringify(doubling), { memoryMbMax: 16 });
  const applied = await one.apply(JSON.stringify({ a: { y: 'y'.repeat(1_000) } }));
  expect('failure' in applied && applied.failure).toMatch(/more than 16 MiB|longer than|ended/);
});

test('what asks for more memory at once than there may be ends its own process, and not the one that asked', async () => {
  // The engine cannot have it, and aborts.
  const one = recipe('jsonata', 'grow ? {"x": $join([1..9999999]."xxxxxxxxxxxx")} : $');
  for (let i = 0; i < 2; i++) {
    expect(await one.apply('{"grow": true}')).toEqual({ failure: 'it needed more than 64 MiB' });
    expect(await one.apply('{"grow": false}')).toEqual({ text: '{"grow":false}' });
  }
  expect(one.started).toBe(3);
});

test('a process that was ended between two items is not missed', async () => {
  const one = recipe('jsonata', '$');
  expect(await one.apply('{"n": 1}')).toEqual({ text: '{"n":1}' });
  await one.close();
  expect(await one.apply('{"n": 2}')).toEqual({ text: '{"n":2}' });
  expect(one.started).toBe(2);
});
