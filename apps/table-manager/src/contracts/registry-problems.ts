import { ContractError } from '@millrace/contracts';
import { ProblemException } from '@millrace/service';
import { RegistryError, type RegistryRefusal } from './registry-port';

const STATUS: Readonly<Record<RegistryRefusal, number>> = {
  not_found: 404,
  version_exists: 409,
  version_not_newer: 409,
  incompatible: 409,
  claimed: 409,
  column_type: 409,
  bad_name: 400,
  too_many: 409,
};

/** Places of one contract that are reported. */
const ERRORS_MAX = 100;

/** Runs a change of the registry; what it refuses is thrown as problem details. */
export async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ContractError) throw invalidContract(error);
    if (error instanceof RegistryError) throw problemOf(error);
    throw error;
  }
}

/** A text that is no contract: each place, with the rule it breaks. */
export function invalidContract({ problems }: ContractError): ProblemException {
  const errors = problems
    .slice(0, ERRORS_MAX)
    .map(({ path, rule }) => ({ path: placeOf(path), rule: 'contract', detail: rule }));
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const [first] = problems;
  const detail = `This is no contract: ${first?.path ? `${first.path} ` : ''}${first?.rule ?? 'it is empty'}${more}.`;
  return new ProblemException(400, { detail, errors });
}

/** Places in a schema of another format are JSON pointers, or paths in the event, as they stand. */
const placeOf = (path: string): string => (path === '' ? '$' : /^[#$]/.test(path) ? path : `$.${path}`);

/** The whole explanation: each finding as an error of its field, and the verdict with its counter-examples. */
export function problemOf({ reason, message, verdict }: RegistryError): ProblemException {
  const findings = verdict?.against.flatMap(({ version, findings: of }) =>
    of.map((finding) => ({ version, ...finding })),
  );
  return new ProblemException(STATUS[reason], {
    detail: message,
    ...(findings && {
      errors: findings.map(({ path, rule, message: detail }) => ({ path, rule, detail })).slice(0, ERRORS_MAX),
    }),
    extensions: { reason, ...(verdict && { verdict }) },
  });
}
