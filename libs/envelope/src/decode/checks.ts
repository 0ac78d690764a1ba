import type { Refusal } from '../envelope';
import { EVENT_ID_CHARS_MAX, EVENT_TYPE_CHARS_MAX, EVENT_VERSION_MAX, NAME_CHARS_MAX } from '../limits';
import { refusal, type RefusalReason } from '../refusal';
import { normalizeTimestamp } from '../time/timestamp';

/** C0 and C1 controls and DEL. */
const CONTROL = /\p{Cc}/u;

/**
 * Checks of an event's members. The first failure is kept in `refusal` and the checks go on with nulls: reading stays one
 * straight line, and a refused event costs no exception.
 */
export class Checks {
  refusal: Refusal | null = null;

  fail(reason: RefusalReason, rule: string | undefined, path: string): null {
    this.refusal ??= refusal(reason, rule, path);
    return null;
  }

  /** Required. A type of white space is a missing one. */
  eventType(value: unknown, path: string, charsMax = EVENT_TYPE_CHARS_MAX): string {
    if (value === undefined || value === null || (typeof value === 'string' && value.trim() === '')) {
      this.fail('missing_type', undefined, path);
      return '';
    }
    if (typeof value !== 'string') this.fail('invalid_type', 'an event type is a string', path);
    else if (CONTROL.test(value)) this.fail('invalid_type', 'an event type has no control characters', path);
    else if (longerThan(value, charsMax)) this.fail('invalid_type', `an event type has 1-${charsMax} characters`, path);
    else return value;
    return '';
  }

  /** Null where absent or null. An id is not trimmed: blank ones are refused. */
  eventId(value: unknown, path: string): string | null {
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string') return this.fail('invalid_id', 'an event id is a string', path);
    if (value.trim() === '') return this.fail('invalid_id', 'an event id is not blank', path);
    if (CONTROL.test(value)) return this.fail('invalid_id', 'an event id has no control characters', path);
    if (!longerThan(value, EVENT_ID_CHARS_MAX)) return value;
    return this.fail('invalid_id', `an event id has 1-${EVENT_ID_CHARS_MAX} characters`, path);
  }

  /** 1 where absent or null. */
  eventVersion(value: unknown, path: string): number {
    if (value === undefined || value === null) return 1;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= EVENT_VERSION_MAX) return value;
    this.fail('invalid_version', undefined, path);
    return 1;
  }

  /** Normalised, null where absent or null. */
  time(value: unknown, path: string): string | null {
    if (value === undefined || value === null) return null;
    const time = typeof value === 'string' ? normalizeTimestamp(value) : null;
    return time ?? this.fail('invalid_time', undefined, path);
  }

  /** A name such as source or subject; null where absent, null or empty. */
  name(value: unknown, path: string): string | null {
    if (value === undefined || value === null || value === '') return null;
    if (typeof value !== 'string') return this.fail('invalid_member', 'this member is a string', path);
    if (CONTROL.test(value)) return this.fail('invalid_member', 'this member has no control characters', path);
    if (!longerThan(value, NAME_CHARS_MAX)) return value;
    return this.fail('invalid_member', `this member has at most ${NAME_CHARS_MAX} characters`, path);
  }
}

/** Counts code points, as JSON Schema does, and only where the cheap count of UTF-16 units leaves it open. */
function longerThan(text: string, charsMax: number): boolean {
  if (text.length <= charsMax) return false;
  if (text.length > charsMax * 2) return true;
  let count = 0;
  for (const _ of text) count++;
  return count > charsMax;
}
