import type { ContractsInForce } from '../contracts/in-force';
import type { Validated } from '../pipeline/curate';

/**
 * Whether events that were judged under some contracts would be judged the same under others: then a change from these
 * to those does not concern them. Of contracts a judgement depends on nothing but what they say of the event's type, and
 * on whether any of them classifies fields: then what cannot be read is sealed. An event whose type cannot be read was
 * refused before a contract was asked for.
 */
export function judgedAlike(validated: readonly Validated[], before: ContractsInForce, now: ContractsInForce): boolean {
  if (before === now) return true;
  if (before.classify !== now.classify) return false;
  const types = new Set(validated.map((event) => (event.ok ? event.envelope.eventType : event.eventType)));
  return [...types].every((type) => type === null || saysTheSame(type, before, now));
}

function saysTheSame(type: string, before: ContractsInForce, now: ContractsInForce): boolean {
  const [mine, theirs] = [before.contractOf(type), now.contractOf(type)];
  // Versions are immutable.
  if (mine?.label !== theirs?.label || mine?.schemaHash !== theirs?.schemaHash) return false;
  const [missing, absent] = [before.unavailableFor(type), now.unavailableFor(type)];
  if (missing?.name !== absent?.name || missing?.version !== absent?.version) return false;
  return JSON.stringify(before.formerDedupe(type)) === JSON.stringify(now.formerDedupe(type));
}
