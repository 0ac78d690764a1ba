import type { CompiledContract } from '@millrace/contracts';
import { COMPATIBILITY_MODES, type CompatibilityMode, type Verdict } from '@millrace/contracts/compatibility';

export const COMPATIBILITY_DEFAULT: CompatibilityMode = 'BACKWARD';

export const isCompatibilityMode = (text: unknown): text is CompatibilityMode =>
  COMPATIBILITY_MODES.includes(text as CompatibilityMode);

/** Judges a proposed contract by a mode; `previous` has the newest first. */
export type Judge = (
  mode: CompatibilityMode,
  proposed: CompiledContract,
  previous: readonly CompiledContract[],
) => Verdict;

/** Why a change of the registry is refused. */
export type RegistryRefusal =
  /** There is no such contract, version or alias. */
  | 'not_found'
  /** The version is published with another text. */
  | 'version_exists'
  /** A newer version than this one is published. */
  | 'version_not_newer'
  | 'incompatible'
  /** Another contract governs one of its event types, or has its table. */
  | 'claimed'
  /** A column of its table would change its type. */
  | 'column_type'
  | 'bad_name'
  | 'too_many';

export class RegistryError extends Error {
  constructor(
    readonly reason: RegistryRefusal,
    message: string,
    readonly verdict?: Verdict,
  ) {
    super(message);
    this.name = 'RegistryError';
  }
}

/** Lets one caller at a time do something, over all processes of a database. */
export interface Turns {
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}
