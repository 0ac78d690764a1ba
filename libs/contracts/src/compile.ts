import { createClashCheck } from './clashes';
import { type Column, contractColumns, enrichedColumns, type ExcludedField } from './columns';
import type { Contract, Dedupe, DriftPolicy, Enrichment } from './model';
import { enrichedSelect, staging } from './staging';
import { compilePrivacy, type CompiledPrivacy } from './privacy';
import { createUnknownFieldCheck } from './unknown-field';
import type { BatchRule } from './quality/model';
import { createRowRules } from './quality/row-rules';
import { createValidator, type PayloadText, type PayloadValidator } from './validator';
import type { Violation } from './violation';

/** A contract made ready for the hot path. */
export interface CompiledContract {
  readonly name: string;
  readonly version: string;
  readonly eventTypes: readonly string[];
  /** Table id, e.g. `clean.shipment_events`. */
  readonly table: string;
  /** The contract's own columns, in its order; the table adds key, lineage and partition columns. */
  readonly columns: readonly Column[];
  /** Fields that have no column because they are restricted. Columns of other classified fields hold tokens. */
  readonly excluded: readonly ExcludedField[];
  readonly dedupe: Dedupe;
  /** Repeats are recognised for this many days; equals `dedupe.windowDays`. */
  readonly windowDays: number;
  /** Segments from the payload. */
  readonly subjectPath: readonly string[] | null;
  /** Segments from the payload. */
  readonly eventTimePath: readonly string[] | null;
  /** Segments from the payload. */
  readonly facilityPath: readonly string[] | null;
  readonly latenessSeconds: number | null;
  readonly enrichments: readonly Enrichment[];
  /** Columns of the table that come from dimensions; they follow the contract's own. */
  readonly enriched: readonly { readonly name: string; readonly type: string; readonly doc: string }[];
  /** Null for a contract that classifies nothing. */
  readonly privacy: CompiledPrivacy | null;
  /** Typed tables are partitioned by the UTC date of the event time. */
  readonly partitionBy: 'event_date';
  /**
   * @param payload as JSON.parse gives it
   * @param envelope its payload's text, looked at only where an integer is so large that its digits decide
   * @returns the first violation, or nothing
   */
  validate(payload: unknown, envelope?: PayloadText): readonly Violation[];
  /** Rules about the rows of a day. */
  readonly quality: readonly BatchRule[];
  readonly drift: DriftPolicy;
  /**
   * The first field of a payload that the contract does not list, as a violation; null where the policy is not to set
   * such events aside, so that whoever asks knows beforehand that nothing is to be looked for.
   */
  readonly unknownField: ((payload: unknown) => Violation | null) | null;
  /**
   * Whether a payload that `validate` refuses may land all the same, with what does not fit in `_recovered`: nothing is
   * wrong with it but types of fields that are not required. Null where the policy is to quarantine it.
   */
  readonly recovers: ((payload: unknown) => boolean) | null;
  /** A SELECT in DuckDB of what `typedSelect` reads out of a relation with a column `payload`. See staging.ts. */
  typedRows(rows: string): string;
  /**
   * `<expression> AS "<column>"` per column of the contract and then of its enrichments, over `typedRows` and its column
   * `enriched`, the JSON text of what was looked up.
   */
  readonly typedSelect: readonly string[];
  /** The same with nulls in place of errors, and what is left out by it. */
  lenientRows(rows: string): string;
  readonly lenientSelect: readonly string[];
  readonly recovered: string;
  readonly contract: Contract;
}

export function compile(contract: Contract): CompiledContract {
  const { columns, excluded } = contractColumns(contract);
  const enriched = enrichedColumns(contract.enrichments).map(({ name, type, doc }) => ({ name, type, doc }));
  // Of a thousand contracts few are used soon: what takes long is made when it is first asked for.
  let made: Made | null = null;
  const staged = (): Made => (made ??= makeStaging(columns, enriched));
  return {
    name: contract.name,
    version: contract.version,
    eventTypes: contract.eventTypes,
    table: contract.table,
    columns: columns.map(({ name, type, path, nullable, doc }) => ({ name, type, path, nullable, doc })),
    excluded,
    dedupe: contract.dedupe,
    windowDays: contract.dedupe.windowDays,
    subjectPath: contract.subjectPath,
    eventTimePath: contract.eventTimePath,
    facilityPath: contract.facilityPath,
    latenessSeconds: contract.latenessSeconds,
    privacy: compilePrivacy(contract),
    partitionBy: 'event_date',
    validate: withRowRules(createValidator(contract), contract),
    quality: contract.quality.batches,
    drift: contract.drift,
    unknownField: createUnknownFieldCheck(contract),
    recovers: contract.drift.typeClash === 'recover' ? createClashCheck(contract) : null,
    enrichments: contract.enrichments,
    enriched,
    typedRows: (rows) => staged().typedRows(rows),
    lenientRows: (rows) => staged().lenientRows(rows),
    get typedSelect() {
      return staged().typedSelect;
    },
    get lenientSelect() {
      return staged().lenientSelect;
    },
    get recovered() {
      return staged().recovered;
    },
    contract,
  };
}

type Made = ReturnType<typeof staging>;

function makeStaging(columns: Parameters<typeof staging>[0], enriched: Parameters<typeof enrichedSelect>[0]): Made {
  const staged = staging(columns);
  return {
    ...staged,
    typedSelect: [...staged.typedSelect, ...enrichedSelect(enriched)],
    lenientSelect: [...staged.lenientSelect, ...enrichedSelect(enriched)],
  };
}

function withRowRules(validate: PayloadValidator, { quality }: Contract): PayloadValidator {
  const check = createRowRules(quality.rows);
  if (!check) return validate;
  return (payload, envelope) => {
    const violations = validate(payload, envelope);
    if (violations.length > 0) return violations;
    const violation = check(payload);
    return violation ? [violation] : violations;
  };
}
