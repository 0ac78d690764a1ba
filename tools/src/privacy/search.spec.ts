import { formsOf, Search } from './search';

it('finds a text as it is, in hexadecimal and in base64, wherever that begins', () => {
  for (const before of ['', 'a', 'ab', 'abc', 'abcd'])
    for (const after of ['', 'x', 'xy']) {
      const whole = Buffer.from(`${before}canary-7f3a${after}`);
      const search = new Search(['canary-7f3a', 'another-one']);
      for (const encoding of ['latin1', 'hex', 'base64'] as const) search.look(encoding, '', whole.toString(encoding));
      search.look('bytes', '', whole);
      expect([...search.places]).toEqual([['canary-7f3a', ['latin1: ', 'hex: ', 'base64: ', 'bytes: ']]]);
    }
});

it('no form of a text is so short that it is found by chance', () => {
  for (const form of formsOf('canary-7f3a')) expect(form.length).toBeGreaterThan(10);
});
