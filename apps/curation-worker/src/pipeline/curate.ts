import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContractsInForce } from '../contracts/in-force';
import { createParseStep } from './parse';
import type { Received } from './received';
import { createValidateStep, type Validated } from './validate';

/** Items between two turns of the event loop: some 10 ms, so that heartbeats and requests never wait longer. */
const TURN_ITEMS = 1_000;

/** Parses and validates a micro-batch in turns. Pure but for giving the event loop its turn. */
export async function curate(items: readonly Received[], contracts: ContractsInForce): Promise<Validated[]> {
  const parse = createParseStep(contracts);
  const validate = createValidateStep(contracts);
  const validated = new Array<Validated>(items.length);
  for (let i = 0; i < items.length; i++) {
    if (i % TURN_ITEMS === 0 && i > 0) await nextTurn();
    validated[i] = validate(parse(items[i]));
  }
  return validated;
}
