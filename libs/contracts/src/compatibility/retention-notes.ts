import type { Contract } from '../model';
import { type Retention, retentionInWords } from '../retention';
import type { VerdictNote } from './verdict';

type Kept = Pick<Contract, 'version' | 'retention'>;

/** What a version's retention deletes that the one before it keeps. */
export function retentionNotes(proposed: Kept, before: Kept): VerdictNote[] {
  const { retention } = proposed;
  const known = before.retention ?? null;
  if (!retention || (known && retention.ms >= known.ms && sooner(retention) <= sooner(known))) return [];
  const kept = known ? `for ${inWords(known)}` : 'for good';
  return [
    {
      path: 'slaProperties',
      message: `Version ${before.version} keeps rows ${kept}, version ${proposed.version} for ${inWords(retention)}: once it is in force, older rows are deleted, and do not come back with a later version.`,
    },
  ];
}

/** From an event's own time a row is over no later than from the later of that and its intake. */
const sooner = ({ from }: Retention): number => (from === 'event_time' ? 1 : 0);

const inWords = (retention: Retention): string =>
  `${retentionInWords(retention)} from ${retention.from === 'event_time' ? 'their event time' : 'their intake'}`;
