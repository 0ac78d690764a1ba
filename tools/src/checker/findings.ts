/** What may be wrong. Each has a planted defect in the tests that must be found under this name. */
export const FINDING_CODES = [
  /** Acknowledged and not kept. */
  'lost',
  /** Acknowledged more often than it was kept: a copy is not accounted for. */
  'copy-lost',
  /** Kept more often than it was sent. */
  'multiplied',
  /** Seen, never sent. */
  'phantom',
  /** Seen, though every request that had it was refused. */
  'refused-kept',
  /** Other bytes, or other content, than were sent. */
  'altered',
  /** Landed more than once, or more than once in a table. */
  'twice',
  /** Landed, and not in a table that must have it. */
  'missing-row',
  /** In a table, and not landed. */
  'stray-row',
  /** Kept raw, and neither landed nor quarantined. */
  'no-fate',
  /** Landed though it is damaged, or quarantined though it is not. */
  'wrong-fate',
  /** Raw lines of a key and its fates do not add up. */
  'miscount',
  /** The number line has a gap or a number twice, or a batch id twice. */
  'line',
  /** Sums of batches differ from what was seen. */
  'batch-counts',
  /** Batches that are in no catalog. */
  'uncommitted',
  /** received = landed + duplicate + quarantined + pending does not hold, or does not agree with what was seen. */
  'conservation',
  'pending',
  /** A cell or row of a mart is not what the fold says. */
  'mart',
  /** An entry of the history contradicts another. */
  'history',
  /** The run proves too little. */
  'vacuous',
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

export interface Finding {
  readonly code: FindingCode;
  /** How often. */
  readonly count: number;
  /** Some of them, the first ones, in words. */
  readonly examples: readonly string[];
}

const EXAMPLES_MAX = 5;

/** Collects findings; keeps a few examples of each and counts the rest. */
export class Findings {
  private readonly byCode = new Map<FindingCode, { count: number; examples: string[] }>();

  add(code: FindingCode, example: string): void {
    let found = this.byCode.get(code);
    if (!found) this.byCode.set(code, (found = { count: 0, examples: [] }));
    found.count++;
    if (found.examples.length < EXAMPLES_MAX) found.examples.push(example);
  }

  /** In the order of their codes. */
  list(): Finding[] {
    return FINDING_CODES.flatMap((code) => {
      const found = this.byCode.get(code);
      return found ? [{ code, ...found }] : [];
    });
  }
}
