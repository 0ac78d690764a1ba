import type { CatalogContract, ContractSet } from '@millrace/contracts';
import { FIRST_VERSION, inferContract, namesFor } from '@millrace/contracts/inference';
import { mergeHistories, type ProfileHistory } from '@millrace/contracts/profile';
import type { Storage } from '@millrace/storage';
import { EVENTS_TABLE } from '@millrace/topics';
import type { InferredContract, ObservationStore, UngovernedType } from '../observation/port';
import { toPublish } from './publication';
import type { InferenceSettings } from './settings';

/** A type that gets no contract for now. */
export interface WaitingType extends UngovernedType {
  readonly why: string;
}

/** Contracts made for one publication: each is compiled by every service, and the next publication may be a while off. */
const INFERRED_AT_ONCE = 100;

export interface InferDeps {
  readonly observations: ObservationStore;
  readonly storage: Pick<Storage, 'get'>;
  readonly settings: InferenceSettings;
  readonly now: () => number;
  /** Tables that exist, whether a contract has them or not. */
  readonly tables: () => ReadonlySet<string>;
}

export interface Inference {
  readonly files: readonly CatalogContract[];
  readonly waiting: readonly WaitingType[];
  /** Some wait for no more than time. */
  readonly pending: boolean;
}

/**
 * Makes contracts for event types that have none, as far as it is time and there is room, and notes them before they are
 * published. Doing it again makes the same ones.
 */
export async function inferTypes(deps: InferDeps, contracts: ContractSet): Promise<Inference> {
  const { observations, storage, settings, now } = deps;
  const governed = contracts.contracts.flatMap(({ eventTypes }) => eventTypes);
  const seen = await observations.withoutContract(governed);
  if (seen.length === 0) return { files: [], waiting: [], pending: false };
  const book = await observations.inferred();
  const noted = new Map(book.map((entry) => [entry.eventType, entry]));
  const used = countBy(book, ({ tenant }) => tenant);
  const files: CatalogContract[] = [];
  const waiting: WaitingType[] = [];
  let pending = false;
  for (const type of seen) {
    const { eventType } = type;
    const [tenant] = type.tenants;
    const wait = (why: string): void => void waiting.push({ ...type, why });
    const known = noted.get(eventType);
    const facts = { settings, used: used.get(tenant) ?? 0, noted: known !== undefined, nowMs: now(), contracts };
    const why = files.length >= INFERRED_AT_ONCE ? MORE_EVENTS : waitingReason(type, facts);
    if (why !== null) {
      pending ||= why === MORE_EVENTS;
      wait(why);
    } else {
      const names = known ?? { ...namesFor(eventType, takenBy(deps, contracts, book)), eventType, tenant };
      const kinds = await observations.ofType(eventType);
      const made = inferContract(eventType, names, mergeHistories(kinds.map(({ history }) => history)));
      if ('why' in made) {
        wait(made.why);
        continue;
      }
      const { contract, table } = names;
      // Of two that note it at once the other's names may hold: the next round takes those.
      if (!known && !(await observations.noteInferred({ contract, eventType, table, tenant }))) {
        pending = true;
        continue;
      }
      if (!known) {
        used.set(tenant, (used.get(tenant) ?? 0) + 1);
        book.push({ contract, eventType, table, tenant, sinceIndex: null, filledTo: 0, closed: false });
      }
      files.push(await toPublish(storage, contract, FIRST_VERSION, made.yaml));
    }
  }
  return { files, waiting, pending };
}

const MORE_EVENTS = 'more events are waited for';

/** Why no contract is made for a type now; null where one may be. */
export function waitingReason(
  type: UngovernedType,
  facts: {
    readonly settings: InferenceSettings;
    /** Contracts that were inferred for the tenant that sent it first. */
    readonly used: number;
    /** Its own is among them. */
    readonly noted: boolean;
    readonly nowMs: number;
    readonly contracts: ContractSet;
  },
): string | null {
  const { settings, used, noted, nowMs, contracts } = facts;
  if (settings.unknownTypes !== 'infer') return `the policy for unknown types is ${settings.unknownTypes}`;
  if (contracts.unavailableFor(type.eventType)) return 'a contract that may govern it cannot be used';
  if (!noted && used >= settings.inferredContractsMax)
    return `${settings.inferredContractsMax} contracts have been inferred for this tenant, which is the limit`;
  return isDue(type, settings, nowMs) ? null : MORE_EVENTS;
}

/** Whether enough has been seen to decide upon: a second look later sees more, and a column never changes its type. */
export const isDue = (
  { events, firstSeen }: Pick<ProfileHistory, 'events' | 'firstSeen'>,
  { inferAfterEvents, inferAfterMs }: InferenceSettings,
  nowMs: number,
): boolean =>
  // Seen later than now: the clocks of two machines differ by more than the time that would be waited.
  events >= inferAfterEvents || Math.abs(nowMs - Date.parse(firstSeen)) >= inferAfterMs;

function takenBy({ tables }: InferDeps, { contracts, unavailable }: ContractSet, book: readonly InferredContract[]) {
  const names = new Set([...contracts, ...unavailable].map(({ name }) => name));
  const ids = new Set([...contracts.map(({ table }) => table), ...tables(), EVENTS_TABLE]);
  return {
    contract: (name: string) => names.has(name) || book.some(({ contract }) => contract === name),
    table: (name: string) => ids.has(`clean.${name}`) || book.some(({ table }) => table === name),
  };
}

function countBy<T>(list: readonly T[], key: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return counts;
}
