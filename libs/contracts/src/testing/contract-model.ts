import type { Contract } from '../model';

type Fields = Record<string, unknown>;

/**
 * What a contract comes to, its document aside, with each limit said in one way: an integer's exclusive bound is the whole
 * number beside it, and limits that limit nothing are none.
 */
export function modelOf({ document: _, ...contract }: Contract): object {
  return JSON.parse(
    JSON.stringify(contract, (key, value: unknown) => (key === 'limits' ? value : plain(value))),
  ) as object;
}

function plain(value: unknown): unknown {
  const fields = value as Fields | null;
  if (typeof fields !== 'object' || fields === null || !('limits' in fields)) return value;
  const limits = Object.fromEntries(
    Object.entries(fields.limits as Fields).filter(
      ([key, limit]) => !((key.startsWith('min') && limit === 0 && key !== 'minimum') || limit === false),
    ),
  );
  if (fields.logicalType !== 'integer') return { ...fields, limits };
  const { exclusiveMinimum, exclusiveMaximum, multipleOf, ...rest } = limits as Record<string, number | undefined>;
  return {
    ...fields,
    limits: {
      ...rest,
      ...(multipleOf === 1 ? {} : { multipleOf }),
      minimum: least(rest.minimum, exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1),
      maximum: most(rest.maximum, exclusiveMaximum === undefined ? undefined : exclusiveMaximum - 1),
    },
  };
}

const least = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
const most = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
