import type { CompiledPrivacy } from '@millrace/contracts';
import type { Envelope } from '@millrace/envelope';

/** Whom an event is about. */
export interface Subject {
  readonly tenant: string;
  /** What subjects of this sort are called, e.g. `driver`. */
  readonly kind: string;
  /** As the payload names it; an empty text where the payload names nobody. */
  readonly value: string;
}

/** The item may hold personal data, and whose cannot be told: it is sealed under the day's key. */
export const SOMEBODY = Symbol('somebody');

/** Whose personal data is in an item; null where nothing says that there is any. */
export type Person = Subject | typeof SOMEBODY | null;

/** Names a subject in this process. */
export const subjectName = ({ tenant, kind, value }: Subject): string => `${tenant}\0${kind}\0${value}`;

/** Whom an event is about; null where the payload names nobody. */
export function subjectOf(envelope: Pick<Envelope, 'payload' | 'tenantId'>, privacy: CompiledPrivacy): Subject | null {
  if (!privacy.subjectPath) return null;
  let value: unknown = envelope.payload;
  for (const name of privacy.subjectPath) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  return value === '' ? null : { tenant: envelope.tenantId, kind: privacy.kind, value: String(value) };
}

/** For personal data of nobody that the payload names: it shares one key a tenant, and cannot be erased by its subject. */
export const nobody = (tenant: string): Subject => ({ tenant, kind: '', value: '' });
