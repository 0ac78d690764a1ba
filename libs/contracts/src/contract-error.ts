/** One thing that is wrong with a contract file. */
export interface ContractProblem {
  /** Where, e.g. `schema[0].properties[3].logicalType`; empty for the document as a whole. */
  readonly path: string;
  /** The rule that is broken, in words that the contract's author understands. */
  readonly rule: string;
}

/** A contract that cannot be used. Lists every problem found, not only the first. */
export class ContractError extends Error {
  readonly code = 'CONTRACT_INVALID';
  readonly problems: readonly ContractProblem[];

  constructor(problems: readonly ContractProblem[]) {
    super(problems.map(({ path, rule }) => (path ? `${path}: ${rule}` : rule)).join('\n'));
    this.name = 'ContractError';
    this.problems = problems;
  }
}
