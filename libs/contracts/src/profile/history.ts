import type { EventProfile, FieldProfile } from '@millrace/topics';
import { PROFILE_FIELDS_MAX } from './limits';

/** What was seen of a field, over many batches. Times are ISO-8601. */
export interface FieldHistory extends FieldProfile {
  readonly firstSeen: string;
  readonly lastSeen: string;
}

/** Profiles of one kind of events, added up. */
export interface ProfileHistory {
  readonly events: number;
  readonly overflow: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** In the order in which they were first seen. */
  readonly fields: readonly FieldHistory[];
}

const SUMMED = [
  ...(['nulls', 'booleans', 'integers', 'bigIntegers', 'fractions', 'strings', 'objects', 'arrays'] as const),
  ...(['sampled', 'dates', 'timestamps'] as const),
] as const;

const NOTHING: ProfileHistory = { events: 0, overflow: 0, firstSeen: '', lastSeen: '', fields: [] };

/** History with one more profile of a batch that landed `at`. Fields beyond the limit are counted. */
export function foldProfile(
  history: ProfileHistory | null,
  profile: Pick<EventProfile, 'events' | 'overflow' | 'fields'>,
  at: string,
): ProfileHistory {
  const times = { firstSeen: at, lastSeen: at };
  return mergeHistories([
    history ?? NOTHING,
    { ...profile, ...times, fields: profile.fields.map((field) => ({ ...field, ...times })) },
  ]);
}

/** Several histories as one. */
export function mergeHistories(histories: Iterable<ProfileHistory>): ProfileHistory {
  const fields = new Map<string, FieldHistory>();
  let { events, overflow, firstSeen, lastSeen } = NOTHING;
  for (const history of histories) {
    if (history.events === 0) continue;
    events += history.events;
    overflow += history.overflow;
    firstSeen = earlier(firstSeen, history.firstSeen);
    lastSeen = history.lastSeen > lastSeen ? history.lastSeen : lastSeen;
    for (const field of history.fields) {
      const known = fields.get(field.path);
      if (known) fields.set(field.path, addField(known, field));
      else if (fields.size < PROFILE_FIELDS_MAX) fields.set(field.path, field);
      else overflow += presentOf(field);
    }
  }
  return { events, overflow, firstSeen, lastSeen, fields: [...fields.values()] };
}

/** How often a field was there, null or not. */
export const presentOf = (field: FieldProfile): number => valuesOf(field) + (field.nulls ?? 0);

/** How often it had a value. */
export const valuesOf = (f: FieldProfile): number =>
  (f.booleans ?? 0) +
  (f.integers ?? 0) +
  (f.bigIntegers ?? 0) +
  (f.fractions ?? 0) +
  (f.strings ?? 0) +
  (f.objects ?? 0) +
  (f.arrays ?? 0);

function addField(a: FieldHistory, b: FieldHistory): FieldHistory {
  const sums: Record<string, number> = {};
  for (const name of SUMMED) {
    const sum = (a[name] ?? 0) + (b[name] ?? 0);
    if (sum > 0) sums[name] = sum;
  }
  const [min, max] = [pick(Math.min, a.min, b.min), pick(Math.max, a.max, b.max)];
  const longest = pick(Math.max, a.longest, b.longest);
  return {
    path: a.path,
    ...sums,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(longest !== undefined && { longest }),
    ...((a.wide || b.wide) && { wide: true }),
    firstSeen: earlier(a.firstSeen, b.firstSeen),
    lastSeen: a.lastSeen > b.lastSeen ? a.lastSeen : b.lastSeen,
  };
}

const earlier = (a: string, b: string): string => (a === '' || b < a ? b : a);

function pick(of: (a: number, b: number) => number, a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : of(a, b);
}
