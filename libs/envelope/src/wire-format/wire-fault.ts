import type { RefusalReason } from '../refusal';

/** Ends the decoding of one value; never leaves this folder. */
export class WireFault extends Error {
  constructor(
    readonly reason: RefusalReason,
    readonly rule: string,
  ) {
    super(rule);
  }
}

export const malformed = (what: string): WireFault => new WireFault('invalid_wire_format', what);
