import { open } from 'node:fs/promises';
import { DirectorySync } from './directory-sync';

jest.mock('node:fs/promises', () => ({ open: jest.fn() }));

describe('DirectorySync', () => {
  const flushes: { end: (error?: Error) => void }[] = [];
  beforeEach(() => {
    flushes.length = 0;
    (open as jest.Mock).mockImplementation(async () => ({
      sync: () =>
        new Promise<void>((resolve, reject) => flushes.push({ end: (error) => (error ? reject(error) : resolve()) })),
      close: async () => undefined,
    }));
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets callers who come during a flush share the next one, never the one under way', async () => {
    const syncs = new DirectorySync();
    const ended: string[] = [];
    const call = (name: string): Promise<unknown> => syncs.sync('/d').then(() => ended.push(name));
    const first = call('first');
    await turn();
    const later = [call('second'), call('third'), call('fourth')];
    await turn();
    expect(flushes).toHaveLength(1);
    flushes[0].end();
    await first;
    await turn();
    expect(ended).toEqual(['first']);
    expect(flushes).toHaveLength(2);
    flushes[1].end();
    await Promise.all(later);
    expect(flushes).toHaveLength(2);
    const after = call('after');
    await turn();
    expect(flushes).toHaveLength(3);
    flushes[2].end();
    await after;
  });

  it('tells a failure to those it concerns and to no others', async () => {
    const syncs = new DirectorySync();
    const first = syncs.sync('/d');
    await turn();
    const second = syncs.sync('/d');
    const elsewhere = syncs.sync('/e');
    await turn();
    flushes[1].end();
    await elsewhere;
    flushes[0].end(new Error('disk gone'));
    await expect(first).rejects.toThrow('disk gone');
    await turn();
    flushes[2].end();
    await second;
  });
});
