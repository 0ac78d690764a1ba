import { createFailpoints } from './failpoint';

test('a failpoint acts at its pass and at no other', async () => {
  const failpoint = createFailpoints('catalog-written=error@2, cursor-moved=error');
  await failpoint('catalog-written');
  await expect(failpoint('catalog-written')).rejects.toThrow('failpoint catalog-written');
  await failpoint('catalog-written');
  await expect(failpoint('cursor-moved')).rejects.toThrow('failpoint cursor-moved');
  await failpoint('elsewhere');
});

test('an action that does not exist is refused at the start', () => {
  expect(() => createFailpoints('catalog-written=explode')).toThrow('catalog-written=explode');
});
