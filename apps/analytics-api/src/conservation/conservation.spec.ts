import { conservation, type ConservationDeps } from './conservation';

const row = {
  tenant: 't',
  source: 'http',
  hour: 'h',
  received: 10,
  landed: 6,
  duplicate: 2,
  quarantined: 1,
  pending: 1,
};

function setUp(counted: (ms: number) => number, behind: (ms: number) => boolean = () => false) {
  let now = 0;
  const deps: ConservationDeps = {
    readModels: {
      receivedPositions: async () => new Map([['0', counted(now)]]),
      conservation: async () => ({ rows: [row, { ...row, source: 'pubsub' }], behind: behind(now) }),
    },
    ends: async () =>
      new Map([
        ['0', 10],
        ['1', 0],
      ]),
    topic: 't',
    sleep: async (ms) => void (now += ms),
    now: () => now,
    waitMsMax: 1_000,
  };
  return deps;
}

test('totals are the sums of the rows', async () => {
  const answer = await conservation(
    setUp(() => 10),
    't',
    null,
    null,
  );
  expect(answer?.totals).toEqual({ received: 20, landed: 12, duplicate: 4, quarantined: 2, pending: 2 });
});

test('the answer waits until what was in the log at the question is counted', async () => {
  expect(
    await conservation(
      setUp((ms) => (ms < 500 ? 9 : 12)),
      't',
      null,
      null,
    ),
  ).not.toBeNull();
  expect(
    await conservation(
      setUp(() => 9),
      't',
      null,
      null,
    ),
  ).toBeNull();
});

test('an answer in which fates overtook receipts is not given', async () => {
  expect(
    await conservation(
      setUp(
        () => 10,
        (ms) => ms < 300,
      ),
      't',
      null,
      null,
    ),
  ).not.toBeNull();
  expect(
    await conservation(
      setUp(
        () => 10,
        () => true,
      ),
      't',
      null,
      null,
    ),
  ).toBeNull();
});
