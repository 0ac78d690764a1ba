import { createHash } from 'node:crypto';
import { REFUSAL_REASONS, type Refusal } from '@millrace/envelope';

/** What quarantined items have in common, so that one decision mends them all. */
export interface QuarantineGroup {
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly eventType: string | null;
}

/** Reasons that say where an item stops being readable: the place differs from item to item and means nothing. */
const SYNTACTIC: ReadonlySet<string> = new Set([
  'invalid_json',
  'invalid_utf8',
  'invalid_number',
  'too_deep',
  'item_too_large',
]);

/**
 * The group of a refusal: the rule without the offending item's particulars, the path without list indices. Where an
 * item could not be read its event type is what was salvaged of it, and not part of the group.
 */
export function groupOf(refusal: Refusal, contract: string | null, eventType: string | null): QuarantineGroup {
  const syntactic = SYNTACTIC.has(refusal.reason);
  const general = (REFUSAL_REASONS as Readonly<Record<string, string>>)[refusal.reason];
  return {
    reason: refusal.reason,
    rule: refusal.reason === 'dead_letter' ? withoutParticulars(refusal.rule) : (general ?? refusal.rule),
    path: syntactic ? '$' : refusal.path.replace(/\[\d+\]/g, '[*]'),
    contract,
    eventType: syntactic ? null : eventType,
  };
}

const FAILURE_CHARS_MAX = 300;

/** The message of a failure without what differs from event to event: numbers, and what is quoted. */
const withoutParticulars = (rule: string): string =>
  rule
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '…')
    .replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#')
    .slice(0, FAILURE_CHARS_MAX);

/** 16 hex digits. */
export function groupId({ reason, rule, path, contract, eventType }: QuarantineGroup): string {
  return createHash('sha256')
    .update(JSON.stringify([reason, rule, path, contract, eventType]))
    .digest('hex')
    .slice(0, 16);
}
