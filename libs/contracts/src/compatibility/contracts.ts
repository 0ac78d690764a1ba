import type { Contract } from '../model';
import type { QualityRules } from '../quality/model';
import { createRowRules } from '../quality/row-rules';
import { compareShapes } from '../shapes/compare';
import { contractShape } from '../shapes/from-contract';
import type { Shape } from '../shapes/shape';
import { createValidator, type PayloadValidator } from '../validator';
import { judge } from './modes';
import { retentionNotes } from './retention-notes';
import { compareRowRules } from './row-rules';
import { firstShown, toDifference } from './raw-difference';
import { type CompatibilityMode, FINDINGS_MAX, type Verdict } from './verdict';

type Judged = Pick<Contract, 'version' | 'properties' | 'retention'> & {
  readonly quality?: Pick<QualityRules, 'rows'>;
};

/**
 * Judges a proposed version of a contract against earlier ones.
 *
 * What counts is what the validators let through: a reader's version goes together with a writer's when it accepts every
 * payload that the writer's accepts and that has no other fields than the writer's lists; rules between its fields that
 * refuse an event count as well. Columns are another matter:
 * see evolveColumns. A retention that lets rows go earlier than the newest of these versions is told in a note.
 *
 * @param previous newest first
 */
export function checkCompatibility({
  mode,
  proposed,
  previous,
}: {
  readonly mode: CompatibilityMode;
  readonly proposed: Judged;
  readonly previous: readonly Judged[];
}): Verdict {
  const known = new Map<Judged, { shape: Shape; validate: () => PayloadValidator }>();
  const of = (contract: Judged): { shape: Shape; validate: () => PayloadValidator } => {
    let made = known.get(contract);
    if (!made) {
      let validator: PayloadValidator | null = null;
      made = { shape: contractShape(contract), validate: () => (validator ??= validatorOf(contract)) };
      known.set(contract, made);
    }
    return made;
  };
  const versioned = (contract: Judged): { version: string; of: Judged } => ({
    version: contract.version,
    of: contract,
  });
  const verdict = judge(mode, versioned(proposed), previous.map(versioned), (reader, writer) =>
    [...compareShapes(of(reader).shape, of(writer).shape), ...compareRowRules(reader, writer)]
      .slice(0, FINDINGS_MAX)
      .map((raw) => {
        const shows = (payload: unknown): boolean =>
          of(writer).validate()(payload).length === 0 && of(reader).validate()(payload).length > 0;
        return toDifference('$.payload', raw, firstShown(raw, shows));
      }),
  );
  const notes = previous.length > 0 ? retentionNotes(proposed, previous[0]) : [];
  return notes.length > 0 ? { ...verdict, notes } : verdict;
}

/** Fields first, then what they are to each other, as an event meets them. */
function validatorOf(contract: Judged): PayloadValidator {
  const validate = createValidator(contract);
  const check = createRowRules(contract.quality?.rows ?? []);
  if (!check) return validate;
  return (payload) => {
    const violations = validate(payload);
    const violation = violations.length === 0 ? check(payload) : null;
    return violation ? [violation] : violations;
  };
}
