import { type CatalogContract, type CompiledContract, contractVersionPath } from '@millrace/contracts';
import { evolveContract } from '@millrace/contracts/inference';
import { type FieldHistory, mergeHistories, presentOf } from '@millrace/contracts/profile';
import type { Storage } from '@millrace/storage';
import type { ObservationStore } from '../observation/port';
import { isDue } from './infer-types';
import { toPublish } from './publication';
import type { InferenceSettings } from './settings';

export interface EvolveDeps {
  readonly observations: Pick<ObservationStore, 'under'>;
  readonly storage: Pick<Storage, 'get'>;
  readonly settings: InferenceSettings;
  readonly now: () => number;
  /** Names of the columns that a table has; none where it does not exist. */
  readonly columnsOf: (table: string) => Promise<readonly string[]>;
}

export interface Evolution {
  readonly file: CatalogContract | null;
  /** Something new has been seen, and not for long enough. */
  readonly pending: boolean;
}

/** The next version of a contract whose policy is to evolve, where its events have more than it says. */
export async function evolveOne(deps: EvolveDeps, contract: CompiledContract): Promise<Evolution> {
  const { observations, storage, settings, now, columnsOf } = deps;
  if (contract.drift.policy !== 'evolve') return { file: null, pending: false };
  const { name, version } = contract;
  const seen = await observations.under(name, version);
  if (seen.length === 0) return { file: null, pending: false };
  const history = mergeHistories(seen.map((kind) => kind.history));
  const known = new Set(contract.columns.map(({ path }) => JSON.stringify(path)));
  const due = (field: FieldHistory): boolean =>
    isDue({ events: presentOf(field), firstSeen: field.firstSeen }, settings, now());
  const fields = history.fields.filter((field) => known.has(field.path) || due(field));
  const yaml = (await storage.get(contractVersionPath(name, version))).toString('utf8');
  const columns = await columnsOf(contract.table);
  const made = evolveContract(contract.contract, yaml, { ...history, fields }, columns);
  if (made) return { file: await toPublish(storage, name, made.version, made.yaml), pending: false };
  if (fields.length === history.fields.length) return { file: null, pending: false };
  return { file: null, pending: evolveContract(contract.contract, yaml, history, columns) !== null };
}
