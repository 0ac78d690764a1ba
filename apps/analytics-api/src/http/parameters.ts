import { QueryInputError } from '@millrace/marts';
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

/** A limit as it was given; NaN for what is no number of rows, which every question refuses. */
export function limitOf({ limit }: Parameters): number | undefined {
  if (limit === undefined) return undefined;
  return /^\d{1,9}$/.test(limit) ? Number(limit) : Number.NaN;
}

/** A question of the library; what it refuses is refused as a parameter. */
export function asked<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof QueryInputError) throw badParameter(error.parameter, error.rule);
    throw error;
  }
}
