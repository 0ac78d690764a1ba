import { contractIndexPath, decodeContractIndex } from '@millrace/contracts';
import { REPLAY_LOG } from '@millrace/curation-worker/simulation';
import type { BatchStaged } from '@millrace/topics';
import type { Clients } from './clients';
import type { Shared } from './shared';

/** What must hold beside the checker's laws, of things that only a simulation sees. */
export async function checkInvariants(shared: Shared, _clients: Clients): Promise<string[]> {
  return [
    ...contractsMoveForward(shared),
    ...(await filesKeepTheirIndex(shared)),
    ...replaysAreHonest(shared),
    ...(await commitsAreTold(shared)),
  ];
}

/** What replays say that they did is what was done, also where they were cancelled or their processes died. */
function* replaysAreHonest({ landing }: Shared): Generator<string> {
  const { jobs, manifests, quarantine } = landing.state;
  const ended = [...jobs.values()];
  const batches = [...manifests.values()].filter(
    ({ topic, partition }) => topic === REPLAY_LOG.topic && partition === REPLAY_LOG.partition,
  );
  for (const fate of ['landed', 'duplicate'] as const) {
    const told = sum(ended.map((job) => job[fate]));
    const done = sum(batches.map((batch) => batch[fate]));
    const healed = quarantine.filter(({ status, healedAs }) => status === 'replayed' && healedAs === fate).length;
    if (told !== done || done !== healed)
      yield `replays: ${told} ${fate} by their jobs, ${done} by their batches, ${healed} by the quarantine`;
  }
  for (const { id, state, selected, landed, duplicate, failed } of ended) {
    if (state === 'running') yield `replays: ${id} still runs`;
    if (landed + duplicate + failed > selected)
      yield `replays: ${id} is done with ${landed} + ${duplicate} + ${failed} of ${selected}`;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What is said of a batch in a trace: where it is on the line, and which commit made it visible. */
async function commitsAreTold({ landing, readModels }: Shared): Promise<string[]> {
  const batches = [...landing.state.manifests.values()];
  const places = await readModels.places(batches.map(({ batchId }) => batchId));
  return batches.flatMap(({ batchId, number }) => {
    const place = places.get(batchId);
    if (place?.number !== number)
      return [`trace: batch ${batchId} is told to be number ${place?.number}, it is ${number}`];
    return place.commit ? [] : [`trace: no commit is told of number ${number}`];
  });
}

/** A batch has files of the versions that its index puts in force, and of no others. */
async function filesKeepTheirIndex({ landing, storage }: Shared): Promise<string[]> {
  const indexes = new Map<number, ReadonlyMap<string, string>>();
  const wrong: string[] = [];
  for (const { number, message } of landing.state.manifests.values()) {
    const { contractsIndex, files } = message as BatchStaged;
    let versions = indexes.get(contractsIndex);
    if (!versions) {
      const { contracts } = decodeContractIndex(await storage.get(contractIndexPath(contractsIndex)));
      indexes.set(contractsIndex, (versions = new Map(contracts.map(({ name, version }) => [name, version]))));
    }
    for (const { contract } of files)
      if (contract && versions.get(contract.name) !== contract.version)
        wrong.push(
          `contracts: number ${number} of index ${contractsIndex} has a file of ${contract.name} ${contract.version}`,
        );
  }
  return wrong;
}

/** A change of contracts takes effect at one number for all workers. */
function* contractsMoveForward({ landing }: Shared): Generator<string> {
  let index = 0;
  const rows = [...landing.state.manifests.values()].sort((a, b) => a.number - b.number);
  for (const { number, message } of rows) {
    const { contractsIndex } = message as BatchStaged;
    if (contractsIndex < index)
      yield `contracts: number ${number} landed under index ${contractsIndex}, after ${index}`;
    index = Math.max(index, contractsIndex);
  }
}
