import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import { normalizeTimestamp } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';

/** A query parameter that is a whole number; anything else is left for the validator to refuse. */
export const WholeNumber = (): PropertyDecorator =>
  Transform(({ value }) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value));

const YEARS = { min: 1970, max: 2099 };

/** Milliseconds since the epoch of an RFC 3339 time that exists; null for anything else. */
export function instantMs(value: unknown): number | null {
  const time = typeof value === 'string' ? normalizeTimestamp(value) : null;
  if (time === null) return null;
  const ms = Date.parse(time);
  const year = new Date(ms).getUTCFullYear();
  return year >= YEARS.min && year <= YEARS.max ? ms : null;
}

export const IsInstant = (): PropertyDecorator =>
  ValidateBy({
    name: 'instant',
    validator: {
      validate: (value) => instantMs(value) !== null,
      defaultMessage: () => `it must be an RFC 3339 time of the years ${YEARS.min} to ${YEARS.max}`,
    },
  });

/** A path parameter of a closed list. @throws ProblemException 404 that names what there is */
export function known<V extends string>(what: string, value: string, values: readonly V[]): V {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  const verb = values.length > 1 ? 'are' : 'is';
  const detail = `There is no ${what} of this name; there ${verb} ${values.join(', ') || 'none'}.`;
  throw new ProblemException(404, { detail, errors: [{ path: 'params', rule: 'enum', detail }] });
}
