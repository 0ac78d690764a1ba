import { setImmediate as nextTurn } from 'node:timers/promises';
import { Profiler } from '@millrace/contracts/profile';
import type { Envelope } from '@millrace/envelope';
import type { ContractInForce, ContractsInForce } from '../contracts/in-force';
import type { Enrich } from '../dimensions/enrich';
import { RawGroups } from '../staging/raw-groups';
import { RowTable } from '../staging/row-table';
import { createEventMs } from '../windows/event-ms';
import { Facilities } from '../windows/facilities';
import { createParseStep } from './parse';
import type { Origin, Received } from './received';
import { createValidateStep, type Invalid, type UnknownTypes } from './validate';

/** An event that may land if nobody else holds its key. All else that is stored of it is in its row. */
export interface Valid {
  readonly ok: true;
  readonly received: Received;
  readonly envelope: Pick<Envelope, 'eventId' | 'eventType' | 'eventTime' | 'source'>;
  readonly contract: ContractInForce | undefined;
  readonly key: string;
  readonly formerKeys: readonly string[];
  readonly fingerprint: string;
  readonly windowDays: number;
  /** Place of its facility's name in `Curated.facilities`; 0 where it has none. */
  readonly facility: number;
  /** Producer time, ms since the epoch; null where the producer names none. */
  readonly producerMs: number | null;
  /** Its row in the batch's table. */
  readonly row: number;
}

export type Validated = Valid | Invalid;

/** A micro-batch that has been read and checked, with what is needed to write it. */
export interface Curated {
  readonly validated: readonly Validated[];
  readonly raw: RawGroups;
  readonly rows: RowTable;
  /** What its events look like, those that do not land among them. */
  readonly profiler: Profiler;
  /** Names of facilities that its events have, from the second place on. */
  readonly facilities: readonly string[];
}

/** Items between two turns of the event loop: some 10 ms, so that heartbeats and requests never wait longer. */
const TURN_ITEMS = 1_000;

/** Parses, validates, enriches and lays out a micro-batch in turns. Pure but for giving the event loop its turn. */
export async function curate(
  items: readonly Received[],
  contracts: ContractsInForce,
  unknownTypes?: UnknownTypes,
  enrich: Enrich = () => null,
): Promise<Curated> {
  const parse = createParseStep(contracts);
  const validate = createValidateStep(contracts, unknownTypes);
  const profiler = new Profiler();
  const validated = new Array<Validated>(items.length);
  const raw = new RawGroups(items.length);
  const rows = new RowTable(
    items.length,
    items.reduce((bytes, { value }) => bytes + value.length, 0),
  );
  const facilities = new Facilities();
  const msOf = createEventMs();
  for (let i = 0; i < items.length; i++) {
    if (i % TURN_ITEMS === 0 && i > 0) await nextTurn();
    const parsed = parse(items[i]);
    const event = validate(parsed);
    const { origin } = items[i];
    // What is replayed was seen before.
    if (parsed.decoded.ok && !items[i].log) profile(profiler, parsed.decoded.envelope, origin, contracts);
    const group = raw.add(event.ok ? event.envelope.eventType : event.eventType, origin.date, items[i].stored);
    if (!event.ok) {
      validated[i] = event;
      continue;
    }
    const { received, envelope, contract, clashes, key, formerKeys, fingerprint, windowDays } = event;
    const enriched = enrich(envelope, contract);
    const row = rows.add(envelope, key, origin, contract, group, raw.lineOf[i], clashes, enriched);
    const { eventId, eventType, eventTime, source } = envelope;
    validated[i] = {
      ok: true,
      received,
      envelope: { eventId, eventType, eventTime, source },
      contract,
      key,
      formerKeys,
      fingerprint,
      windowDays,
      facility: facilities.placeOf(envelope.payload, contract?.compiled.facilityPath ?? null),
      producerMs: envelope.producerTime === null ? null : msOf(envelope.producerTime),
      row,
    };
  }
  return { validated, raw, rows, profiler, facilities: facilities.names };
}

/** Contracts that say so are not looked after. */
function profile(profiler: Profiler, envelope: Envelope, { headers }: Origin, contracts: ContractsInForce): void {
  const contract = contracts.contractOf(envelope.eventType);
  if (contract?.compiled.drift.policy === 'ignore') return;
  const { tenantId, eventType, payload } = envelope;
  profiler.observe(tenantId, headers.source, eventType, contract?.label ?? null, payload);
}

/** A micro-batch of which nothing is read. */
export function curateUnread(items: readonly Received[], judge: (received: Received) => Invalid): Curated {
  const raw = new RawGroups(items.length);
  for (const { origin, stored } of items) raw.add(null, origin.date, stored);
  return { validated: items.map(judge), raw, rows: new RowTable(0, 0), profiler: new Profiler(), facilities: [] };
}
