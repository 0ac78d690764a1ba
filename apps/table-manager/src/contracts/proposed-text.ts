import { ProblemException } from '@millrace/service';
import { type ContractFormat, odcsDocument, odcsText } from './contract-body';
import type { ContractRegistry } from './registry';

export interface Proposal {
  readonly format: ContractFormat;
  /** The contract that it is for; absent where the body itself says. */
  readonly name?: string;
  readonly version?: string;
}

/**
 * The ODCS text of a proposed version.
 *
 * @throws ProblemException 400 where the body is of another contract
 */
export async function proposedText(_registry: ContractRegistry, body: unknown, proposal: Proposal): Promise<string> {
  const text = odcsText(body);
  const { name } = proposal;
  if (name === undefined) return text;
  const named = nameIn(text);
  if (named === undefined || named === name) return text;
  const detail = `The body is of the contract ${String(named).slice(0, 128)}, and the path names ${name.slice(0, 128)}`;
  throw new ProblemException(400, { detail: `${detail}.`, errors: [{ path: '$.name', rule: 'name', detail }] });
}

/** Undefined where it is no document or says nothing: then it is no contract, and whoever reads it says why. */
function nameIn(text: string): unknown {
  try {
    return (odcsDocument(text) as { name?: unknown } | null)?.name;
  } catch {
    return undefined;
  }
}
