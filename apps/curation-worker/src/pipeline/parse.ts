import { decode, type Decoded } from '@millrace/envelope';
import type { ContractsInForce } from '../contracts/in-force';
import type { Received } from './received';

/** An item that was read, or why it cannot be. */
export interface Parsed {
  readonly received: Received;
  readonly decoded: Decoded;
}

/** Reads an item as its header says. Contracts only lend the paths of subject and event time. */
export function createParseStep(contracts: ContractsInForce): (received: Received) => Parsed {
  const options = { contractFor: (type: string) => contracts.contractOf(type)?.compiled };
  return (received) => ({
    received,
    decoded: received.unopened
      ? { ok: false, refusal: received.unopened, eventId: null, eventType: null }
      : decode(received.value, received.origin.headers, options),
  });
}
