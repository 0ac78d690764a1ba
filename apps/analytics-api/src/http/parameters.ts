import { ProblemException } from '@millrace/service';

/** Query parameters, each given once. */
export type Parameters = Readonly<Record<string, string | undefined>>;

/** @throws ProblemException 400 for a parameter that is not among `known`, or is given several times */
export function checkedParameters(query: Readonly<Record<string, unknown>>, known: readonly string[]): Parameters {
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) throw badParameter(name, `is not known here; known are ${known.join(', ')}`);
    if (typeof value !== 'string') throw badParameter(name, 'may be given once');
  }
  return query as Parameters;
}

export function badParameter(name: string, rule: string): ProblemException {
  const detail = `${name} ${rule}.`;
  return new ProblemException(400, { detail, errors: [{ path: `query.${name}`, rule: 'parameter', detail }] });
}
