import type { Findings } from './findings';
import type { HistoryCounts } from './ledger';
import type { FaultSeen } from './observations';

/** What a run must have met to prove anything. What is left out is not asked for. */
export interface Vacuity {
  readonly faultsMin: number;
  /** Each must have been struck. */
  readonly targets?: readonly string[];
  /** Each must have been passed by a fault. */
  readonly places?: readonly string[];
  /** Distinct keys acknowledged, at least. */
  readonly acknowledgedMin: number;
  /** Of all distinct keys that were sent, 0 to 1. */
  readonly acknowledgedShareMin: number;
  /** Fates that must have occurred so often. */
  readonly landedMin: number;
  readonly duplicatesMin?: number;
  readonly quarantinedMin?: number;
  /** Whether a mart may have had nothing in it. */
  readonly emptyMarts?: boolean;
  /** Operations whose outcome was unknown: without one no ambiguity was met. */
  readonly unknownMin?: number;
}

export interface RunSize {
  readonly history: HistoryCounts;
  readonly faults: readonly FaultSeen[];
  readonly keys: number;
  readonly keysAcknowledged: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

/** Finds a run vacuous that injected nothing, acknowledged too little or met too little of what can happen. */
export function checkVacuity(rules: Vacuity, size: RunSize, findings: Findings): void {
  const atLeast = (what: string, found: number, min: number | undefined): void => {
    if (min !== undefined && found < min) findings.add('vacuous', `${what}: ${found}, at least ${min} are needed`);
  };
  atLeast('faults', size.faults.length, rules.faultsMin);
  const targets = new Set(size.faults.map(({ target }) => target));
  for (const target of rules.targets ?? [])
    if (!targets.has(target)) findings.add('vacuous', `${target} was never struck`);
  const places = new Set(size.faults.map(({ place }) => place));
  for (const place of rules.places ?? []) if (!places.has(place)) findings.add('vacuous', `${place} was never reached`);
  atLeast('keys acknowledged', size.keysAcknowledged, rules.acknowledgedMin);
  const share = size.keys === 0 ? 0 : size.keysAcknowledged / size.keys;
  if (share < rules.acknowledgedShareMin)
    findings.add(
      'vacuous',
      `${size.keysAcknowledged} of ${size.keys} keys acknowledged, a share of ${rules.acknowledgedShareMin} is needed`,
    );
  atLeast('landed', size.landed, rules.landedMin);
  atLeast('duplicates', size.duplicate, rules.duplicatesMin);
  atLeast('quarantined', size.quarantined, rules.quarantinedMin);
  atLeast('operations of unknown outcome', size.history.unknown, rules.unknownMin);
}
