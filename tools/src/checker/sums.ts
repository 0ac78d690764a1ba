import type { Findings } from './findings';
import type { BatchSeen, ConservationSeen } from './observations';

/** Sums over what was seen item by item. */
export interface ItemSums {
  readonly raw: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

/** The number line begins at 1 and has no gap and nothing twice; its batches add up to what was seen. */
export function checkLine(batches: readonly BatchSeen[], seen: ItemSums, findings: Findings): void {
  const numbers = new Set<number>();
  const ids = new Set<number>();
  const sums = { landed: 0, duplicate: 0, quarantined: 0 };
  for (const batch of batches) {
    if (numbers.has(batch.number)) findings.add('line', `number ${batch.number} is there twice`);
    if (ids.has(batch.batchId)) findings.add('line', `batch ${batch.batchId} is there twice`);
    numbers.add(batch.number);
    ids.add(batch.batchId);
    for (const fate of ['landed', 'duplicate', 'quarantined'] as const) sums[fate] += batch[fate];
  }
  for (let number = 1; number <= numbers.size; number++)
    if (!numbers.has(number)) findings.add('line', `number ${number} is missing`);
  for (const fate of ['landed', 'duplicate', 'quarantined'] as const)
    if (sums[fate] !== seen[fate])
      findings.add('batch-counts', `${fate}: batches say ${sums[fate]}, ${seen[fate]} were seen`);
}

/** The law holds in each row, nothing is pending, and the sums are what was seen. */
export function checkConservation(rows: readonly ConservationSeen[], seen: ItemSums, findings: Findings): void {
  const sums = { received: 0, landed: 0, duplicate: 0, quarantined: 0 };
  const groups = new Set<string>();
  for (const row of rows) {
    if (groups.has(row.group)) findings.add('conservation', `${row.group} is there twice`);
    groups.add(row.group);
    const { received, landed, duplicate, quarantined, pending } = row;
    if (received !== landed + duplicate + quarantined + pending)
      findings.add(
        'conservation',
        `${row.group}: ${received} received, ${landed} landed + ${duplicate} duplicate + ${quarantined} quarantined + ${pending} pending`,
      );
    if (Math.min(received, landed, duplicate, quarantined, pending) < 0)
      findings.add('conservation', `${row.group} has a negative count`);
    if (pending !== 0) findings.add('pending', `${row.group}: ${pending} pending`);
    for (const name of ['received', 'landed', 'duplicate', 'quarantined'] as const) sums[name] += row[name];
  }
  const wanted = { received: seen.raw, ...seen };
  for (const name of ['received', 'landed', 'duplicate', 'quarantined'] as const)
    if (sums[name] !== wanted[name])
      findings.add('conservation', `${name}: ${sums[name]} are told, ${wanted[name]} were seen`);
}
