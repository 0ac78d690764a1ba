import { setImmediate as nextTurn } from 'node:timers/promises';
import { Profiler } from '@millrace/contracts/profile';
import type { Envelope } from '@millrace/envelope';
import type { NamedKey } from '@millrace/privacy';
import type { ContractInForce, ContractsInForce } from '../contracts/in-force';
import type { Enrich } from '../dimensions/enrich';
import { protectEnvelope } from '../privacy/protect';
import { type Protection, sealKeyOf } from '../privacy/protection';
import { SOMEBODY, type Subject, subjectName } from '../privacy/subject';
import type { SubjectKey } from '../privacy/subject-keys';
import { RawGroups } from '../staging/raw-groups';
import { RowTable } from '../staging/row-table';
import { createEventMs } from '../windows/event-ms';
import { Facilities } from '../windows/facilities';
import { createParseStep } from './parse';
import type { Received } from './received';
import { type Checked, createValidateStep, type Invalid, type UnknownTypes } from './validate';

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
  /** What its raw line is sealed under; null for one in clear. */
  readonly seal: NamedKey | null;
}

/** An item that is to be quarantined; its bytes are sealed as its raw line is. */
export interface Refused extends Omit<Invalid, 'person'> {
  readonly seal: NamedKey | null;
}

export type Validated = Valid | Refused;

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

/**
 * Parses, validates, enriches, protects and lays out a micro-batch in turns. Pure but for giving the event loop its turn, and for
 * fetching the keys of subjects that are not at hand: once a turn, for all of them.
 *
 * @param protection null where no contract classifies fields
 */
export async function curate(
  items: readonly Received[],
  contracts: ContractsInForce,
  protection: Protection | null,
  unknownTypes?: UnknownTypes,
  enrich: Enrich = () => null,
): Promise<Curated> {
  const parse = createParseStep(contracts);
  const validate = createValidateStep(contracts, unknownTypes);
  const layout = new Layout(items, protection, enrich);
  /** From the first event of a turn whose key is not at hand. */
  let waiting: { readonly i: number; readonly event: Checked | Invalid }[] = [];
  const settleWaiting = async (): Promise<void> => {
    if (waiting.length === 0 || !protection) return;
    const absent = waiting
      .flatMap(({ event }) => subjectIn(event) ?? [])
      .filter((who) => !protection.subjects.get(who));
    const fetched = await protection.subjects.ensure(absent);
    for (const { i, event } of waiting) layout.add(i, event, fetched);
    waiting = [];
  };
  for (let i = 0; i < items.length; i++) {
    if (i % TURN_ITEMS === 0 && i > 0) {
      await settleWaiting();
      await nextTurn();
    }
    const parsed = parse(items[i]);
    const event = validate(parsed);
    // What is replayed was seen before.
    if (parsed.decoded.ok && !items[i].log) profile(layout.profiler, parsed.decoded.envelope, contracts);
    const subject = subjectIn(event);
    if (waiting.length > 0 || (subject && protection && !protection.subjects.get(subject))) waiting.push({ i, event });
    else layout.add(i, event);
  }
  await settleWaiting();
  return layout.done();
}

function subjectIn(event: Checked | Invalid): Subject | null {
  if (event.ok) return event.subject;
  return event.person === SOMEBODY ? null : event.person;
}

const NONE: ReadonlyMap<string, SubjectKey> = new Map();

/** Rows and raw groups of a batch; its items are added in order. */
class Layout {
  readonly validated: Validated[];
  readonly raw: RawGroups;
  readonly rows: RowTable;
  readonly profiler = new Profiler();
  private readonly places = new Facilities();
  private readonly msOf = createEventMs();

  constructor(
    private readonly items: readonly Received[],
    private readonly protection: Protection | null,
    private readonly enrich: Enrich,
  ) {
    this.validated = new Array<Validated>(items.length);
    this.raw = new RawGroups(items.length);
    this.rows = new RowTable(
      items.length,
      items.reduce((bytes, { value }) => bytes + value.length, 0),
    );
  }

  done(): Curated {
    const { validated, raw, rows, profiler, places } = this;
    return { validated, raw, rows, profiler, facilities: places.names };
  }

  add(i: number, event: Checked | Invalid, fetched = NONE): void {
    const { origin, stored } = this.items[i];
    // What lands is read again for as long as its table is: under its subject's key, or in clear where nothing is personal.
    const kept = event.ok && stored?.expires ? undefined : stored;
    const group = this.raw.add(event.ok ? event.envelope.eventType : event.eventType, origin.date, kept);
    const subject = subjectIn(event);
    const key = subject && this.keyOf(subject, fetched);
    if (!event.ok) {
      const { person, ...refused } = event;
      this.validated[i] = { ...refused, seal: sealKeyOf(person, key, this.protection) };
      return;
    }
    const { received, contract, clashes, key: claim, formerKeys, fingerprint, windowDays } = event;
    const privacy = key && contract?.compiled.privacy;
    const envelope =
      privacy && this.protection ? protectEnvelope(event.envelope, privacy, key, this.protection) : event.envelope;
    const enriched = this.enrich(event.envelope, contract);
    const row = this.rows.add(envelope, claim, origin, contract, group, this.raw.lineOf[i], clashes, enriched);
    const { eventId, eventType, eventTime, source } = envelope;
    this.validated[i] = {
      ok: true,
      received,
      envelope: { eventId, eventType, eventTime, source },
      contract,
      key: claim,
      formerKeys,
      fingerprint,
      windowDays,
      facility: this.places.placeOf(envelope.payload, contract?.compiled.facilityPath ?? null),
      producerMs: envelope.producerTime === null ? null : this.msOf(envelope.producerTime),
      row,
      seal: sealKeyOf(subject, key, this.protection),
    };
  }

  private keyOf(subject: Subject, fetched: ReadonlyMap<string, SubjectKey>): SubjectKey {
    const key = fetched.get(subjectName(subject)) ?? this.protection?.subjects.get(subject);
    // Nothing personal may go on in clear.
    if (!key) throw new Error('the key of a subject is not at hand');
    return key;
  }
}

/** Contracts that say so are not looked after. */
function profile(profiler: Profiler, envelope: Envelope, contracts: ContractsInForce): void {
  const contract = contracts.contractOf(envelope.eventType);
  if (contract?.compiled.drift.policy === 'ignore') return;
  const { tenantId, source, eventType, payload } = envelope;
  const classified = contract?.compiled.privacy?.root ?? null;
  profiler.observe(tenantId, source, eventType, contract?.label ?? null, payload, classified);
}

/** A micro-batch of which nothing is read. */
export function curateUnread(
  items: readonly Received[],
  judge: (received: Received) => Omit<Invalid, 'person'>,
  protection: Protection | null,
): Curated {
  const raw = new RawGroups(items.length);
  for (const { origin, stored } of items) raw.add(null, origin.date, stored);
  const seal = sealKeyOf(SOMEBODY, null, protection);
  return {
    validated: items.map((item) => ({ ...judge(item), seal })),
    raw,
    rows: new RowTable(0, 0),
    profiler: new Profiler(),
    facilities: [],
  };
}
