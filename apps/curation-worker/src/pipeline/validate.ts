import { type Envelope, fingerprint, type Refusal } from '@millrace/envelope';
import { claimKey, DEFAULT_DEDUPE, exactPayload } from '../claims/claim-key';
import type { ContractInForce, ContractsInForce, FormerDedupe } from '../contracts/in-force';
import { CURATION_REASONS } from './outcome';
import { type CompiledPrivacy, holdsPersonal } from '@millrace/contracts';
import { nobody, type Person, SOMEBODY, type Subject, subjectOf } from '../privacy/subject';
import type { Parsed } from './parse';
import type { Received } from './received';

/** An event that keeps its contract, as it was read. */
export interface Checked {
  readonly ok: true;
  readonly received: Received;
  readonly envelope: Envelope;
  readonly contract: ContractInForce | undefined;
  /** Some of its values do not fit their columns, and belong into `_recovered`. */
  readonly clashes: boolean;
  /** What it will be claimed under: 32 hex digits. */
  readonly key: string;
  /** What it would have been claimed under before its contract changed; mostly none. */
  readonly formerKeys: readonly string[];
  /** 16 hex digits; equal for equal content however it was written. */
  readonly fingerprint: string;
  readonly windowDays: number;
  /** Whose personal data is in it, by its contract. */
  readonly subject: Subject | null;
}

/** An item that is to be quarantined, with what is known of it. */
export interface Invalid {
  readonly ok: false;
  readonly received: Received;
  readonly refusal: Refusal;
  readonly eventId: string | null;
  readonly eventType: string | null;
  /** Who sent it, as it says or else as it came; absent where it cannot be read. */
  readonly source?: string;
  readonly contract: { readonly name: string; readonly version: string } | null;
  readonly person: Person;
}

/** Who sent an item: what it says itself, else how it came. */
export const sourceOf = (event: {
  readonly received: Received;
  readonly source?: string;
  readonly envelope?: Pick<Envelope, 'source'>;
}): string => event.envelope?.source ?? event.source ?? event.received.origin.headers.source;

/** What becomes of events of types that no contract governs: they land, and a contract is inferred, or they do not. */
export type UnknownTypes = 'infer' | 'quarantine' | 'refuse';

/** Checks an event against its contract and computes what it will be claimed under. */
export function createValidateStep(
  contracts: ContractsInForce,
  unknownTypes: UnknownTypes = 'infer',
): (parsed: Parsed) => Checked | Invalid {
  /** An item that cannot be read is somebody's, unless its type is known and classifies nothing. */
  const unread = (eventType: string | null): Person => {
    const contract = eventType === null ? undefined : contracts.contractOf(eventType);
    return contract && contract.compiled.privacy === null ? null : SOMEBODY;
  };
  return ({ received, decoded }) => {
    if (!decoded.ok) {
      const { refusal, eventId, eventType } = decoded;
      return { ok: false, received, refusal, eventId, eventType, contract: null, person: unread(eventType) };
    }
    const { envelope } = decoded;
    const { eventId, eventType, source } = envelope;
    const contract = contracts.contractOf(eventType);
    const invalid = (refusal: Refusal, by: Invalid['contract']): Invalid => ({
      ...{ ok: false, received, refusal, eventId, eventType, source, contract: by },
      person: personIn(envelope, contract, contracts),
    });
    if (!contract) {
      const missing = contracts.unavailableFor(eventType);
      if (missing)
        return invalid(
          { reason: 'contract_unavailable', rule: CURATION_REASONS.contract_unavailable, path: '$.event_type' },
          missing,
        );
      if (unknownTypes !== 'infer') return invalid(STRANGERS[unknownTypes], null);
    }
    const compiled = contract?.compiled;
    let clashes = false;
    if (compiled) {
      const violation = compiled.validate(envelope.payload, envelope)[0];
      if (violation) {
        if (!compiled.recovers?.(envelope.payload)) return invalid(violation, compiled);
        clashes = true;
      }
      const unknown = compiled.unknownField?.(envelope.payload);
      if (unknown) return invalid(unknown, compiled);
    }
    const claim = claimKey(envelope, compiled?.dedupe ?? DEFAULT_DEDUPE);
    if ('refusal' in claim) return invalid(claim.refusal, compiled ?? null);
    return {
      ok: true,
      received,
      envelope,
      contract,
      clashes,
      key: claim.key,
      formerKeys: formerKeys(envelope, contracts.formerDedupe(eventType)),
      fingerprint: fingerprint(exactPayload(envelope)),
      windowDays: compiled?.windowDays ?? DEFAULT_DEDUPE.windowDays,
      subject: compiled?.privacy ? subjectWithin(envelope, compiled.privacy) : null,
    };
  };
}

const stranger = (reason: 'unknown_type' | 'refused_type'): Refusal => ({
  reason,
  rule: CURATION_REASONS[reason],
  path: '$.event_type',
});

const STRANGERS = { quarantine: stranger('unknown_type'), refuse: stranger('refused_type') };
/** Whom an event that keeps its contract is about; null where it holds nothing that the contract classifies. */
function subjectWithin(envelope: Envelope, privacy: CompiledPrivacy): Subject | null {
  const { subject, attributes, traceId } = privacy.envelope;
  const holds =
    holdsPersonal(envelope.payload, privacy.root) ||
    (subject && envelope.subject !== null) ||
    (attributes && envelope.attributesJson !== null) ||
    (traceId && envelope.traceId !== null);
  return holds ? (subjectOf(envelope, privacy) ?? nobody(envelope.tenantId)) : null;
}

/** Whose data may be in an event that breaks its contract: whatever it holds may be in the wrong place. */
function personIn(envelope: Envelope, contract: ContractInForce | undefined, contracts: ContractsInForce): Person {
  if (!contract) return contracts.unavailableFor(envelope.eventType) ? SOMEBODY : null;
  const { privacy } = contract.compiled;
  return privacy && (subjectOf(envelope, privacy) ?? SOMEBODY);
}

const NO_KEYS: readonly string[] = [];

function formerKeys(envelope: Envelope, former: readonly FormerDedupe[]): readonly string[] {
  if (former.length === 0) return NO_KEYS;
  const acceptedMs = Date.parse(envelope.ingestTime);
  return former.flatMap(({ dedupe, untilMs }) => {
    if (acceptedMs > untilMs) return [];
    const claim = claimKey(envelope, dedupe);
    // Without a part of the key it could not have landed then.
    return 'key' in claim ? claim.key : [];
  });
}
