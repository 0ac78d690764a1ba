import { ByteBuilder, LentBuilders } from './byte-builder';

test('what is added stands where it was added, however it was added and wherever memory ran out', () => {
  const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 256));
  const to = new ByteBuilder(0);
  to.ascii('a');
  to.base64(bytes);
  to.text('ü');
  to.room(bytes.length).set(bytes);
  to.lineFeed();
  expect(
    to.done().equals(Buffer.concat([Buffer.from(`a${bytes.toString('base64')}ü`), bytes, Buffer.from('\n')])),
  ).toBe(true);
});

test('memory is lent to one at a time, empty; the largest is kept, and none beyond the limit', () => {
  const lent = new LentBuilders(1, 100_000);
  const [small, large, huge] = [5_000, 50_000, 200_000].map((bytes) => lent.take(bytes));
  large.text('left over');
  for (const builder of [small, large, huge]) lent.giveBack(builder);
  const again = lent.take(10_000);
  expect(again).toBe(large);
  expect(again.size).toBe(0);
  expect([small, large, huge]).not.toContain(lent.take(1_000));
});
