import type { ContractColumn } from '../columns';
import { type DocumentReader, type Fields, join } from '../document-reader';
import type { BatchRule } from './model';
import { columnAt, facts, kindOf, severityOf } from './rule-parts';

const AGE = /^([1-9]\d{0,5})([smhd])$/;
const AGE_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `{id, freshness: 2h}` */
export function freshness(reader: DocumentReader, fields: Fields, at: string, found: BatchRule[]): void {
  reader.keys(fields, new Set(['id', 'freshness', 'severity', 'dimension', 'description']), at, 'a freshness rule');
  const id = reader.requiredString(fields, 'id', at);
  const match = typeof fields.freshness === 'string' ? AGE.exec(fields.freshness) : null;
  if (!match) {
    reader.note(join(at, 'freshness'), 'must be a number with its unit, s, m, h or d, as in 2h');
    return;
  }
  const maxAgeSeconds = Number(match[1]) * AGE_SECONDS[match[2]];
  found.push({
    ...{ ...facts(reader, fields, id, at), severity: severityOf(reader, fields, at), unit: 'rows' },
    ...{ measure: { metric: 'freshness', maxAgeSeconds }, threshold: { op: '<=', value: maxAgeSeconds } },
  });
}

/** Standard deviations that a day may differ by. */
const WITHIN = 3;
const WITHIN_MAX = 1_000;

/** `{id, usual: volume}`, or the path of a number for its mean */
export function usual(
  reader: DocumentReader,
  fields: Fields,
  at: string,
  columns: readonly ContractColumn[],
  found: BatchRule[],
): void {
  const own = new Set(['id', 'usual', 'within', 'among', 'severity', 'dimension', 'description']);
  reader.keys(fields, own, at, 'a rule about what is usual');
  const id = reader.requiredString(fields, 'id', at);
  const among = reader.oneOf(fields, 'among', ['days', 'weekdays'] as const, at) ?? 'days';
  const column = fields.usual === 'volume' ? null : columnAt(reader, fields, 'usual', at, columns);
  if (column && kindOf(column.property) !== 'number')
    reader.note(join(at, 'usual'), 'must be volume, or the path of a number, as in $.payload.weight');
  const { within = WITHIN } = fields;
  if (typeof within !== 'number' || !(within > 0 && within <= WITHIN_MAX)) {
    reader.note(join(at, 'within'), `must be a number of standard deviations above 0, ${WITHIN_MAX} at most`);
    return;
  }
  found.push({
    ...{ ...facts(reader, fields, id, at), severity: severityOf(reader, fields, at), unit: 'rows' },
    ...{ measure: { metric: 'zScore', column: column?.name ?? null, among }, threshold: { op: '<=', value: within } },
  });
}
