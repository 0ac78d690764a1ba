import type { Row, Totals } from './client';
import { rest, settle } from './settle';

const totals = (landed: number, pending: number): Totals => ({
  received: landed + pending,
  landed,
  duplicate: 0,
  quarantined: 0,
  pending,
});
const counted = (events: number): Row[] => [{ created: events, picked_up: 0, delivered: 0, exceptions: 0 }];
const options = {
  days: '',
  signal: new AbortController().signal,
  onPending: () => undefined,
  pollMs: 1,
  stillMsMax: 100,
};

/** A client that goes through the given states, and stays at the last. */
function going(states: readonly (readonly [Totals, number])[]) {
  let at = -1;
  const asked: string[] = [];
  return {
    asked,
    conservation: async () => (states[Math.min(++at, states.length - 1)] as (typeof states)[number])[0],
    rows: async (path: string) => {
      asked.push(path);
      return counted((states[Math.min(at, states.length - 1)] as (typeof states)[number])[1]);
    },
  };
}

it('waits for what is pending, then for the marts', async () => {
  const client = going([
    [totals(0, 9), 0],
    [totals(5, 4), 2],
    [totals(9, 0), 5],
    [totals(9, 0), 9],
  ]);
  expect(await settle(0, 0, { ...options, client })).toBe(true);
  expect(client.asked).toHaveLength(2);
});

it('counts from what was there before', async () => {
  expect(
    await settle(100, 60, {
      ...options,
      client: going([
        [totals(109, 0), 60],
        [totals(109, 0), 69],
      ]),
    }),
  ).toBe(true);
});

it('gives up once nothing changes any more', async () => {
  expect(await settle(0, 0, { ...options, client: going([[totals(9, 0), 5]]) })).toBe(false);
});

describe('before a run', () => {
  it('there is nothing to wait for in a fresh folder', async () => {
    const client = going([[totals(0, 0), 0]]);
    await rest({ ...options, client });
    expect(client.asked).toHaveLength(1);
  });

  it('what an interrupted run left comes to rest', async () => {
    const client = going([
      [totals(5, 4), 2],
      [totals(9, 0), 5],
      [totals(9, 0), 9],
    ]);
    await rest({ ...options, client });
    expect(client.asked).toHaveLength(2);
  });

  it('events of others do not hold it up for ever', async () => {
    await rest({ ...options, client: going([[totals(9, 0), 5]]) });
  });
});
