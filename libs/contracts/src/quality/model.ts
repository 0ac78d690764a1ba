/** How a measured value is judged: the standard's `mustBe…` keys. */
export type Threshold =
  | { readonly op: '=' | '<>' | '>' | '>=' | '<' | '<='; readonly value: number }
  | { readonly op: 'between' | 'not between'; readonly from: number; readonly to: number };

/**
 * `warning` is shown; `error` is an alarm too. Rows that break a rule of many rows have landed: no single one of them can
 * be set aside for it.
 */
export type Severity = 'error' | 'warning';

interface RuleFacts {
  /** Unique within the contract. */
  readonly id: string;
  readonly severity: Severity;
  readonly dimension: string | null;
  readonly doc: string;
}

/** A rule about the rows of a day: what is counted, and what the count, or its share of the rows in percent, must be. */
export interface BatchRule extends RuleFacts {
  readonly measure: Measure;
  readonly unit: 'rows' | 'percent';
  readonly threshold: Threshold;
}

/** Which rows count as failing; for `rowCount` all rows are counted. Columns are those of the typed table. */
export type Measure =
  | { readonly metric: 'rowCount' }
  | { readonly metric: 'nullValues'; readonly column: string }
  | {
      readonly metric: 'missingValues';
      readonly column: string;
      readonly values: readonly (string | number | boolean | null)[];
    }
  | {
      readonly metric: 'invalidValues';
      readonly column: string;
      readonly values: readonly (string | number | boolean)[];
    }
  /** The pattern is RE2's, found anywhere in the value. */
  | { readonly metric: 'invalidPattern'; readonly column: string; readonly pattern: string }
  | { readonly metric: 'duplicateValues'; readonly columns: readonly string[] }
  | { readonly metric: 'foreignKey'; readonly column: string; readonly references: Reference }
  | { readonly metric: 'comparison'; readonly comparison: ColumnComparison }
  /**
   * The number of rows, or the mean of a column, held against the days before, or against the same weekday of the weeks
   * before: by how many standard deviations it may differ is the threshold.
   */
  | { readonly metric: 'zScore'; readonly column: string | null; readonly among: 'days' | 'weekdays' }
  /** How long ago the newest row of the dataset, of whatever day, was received: judged by the clock. */
  | { readonly metric: 'freshness'; readonly maxAgeSeconds: number };

/** What a foreign key refers to: keys of a dimension as of event time, or values of a column of another typed table. */
export type Reference = { readonly dimension: string } | { readonly table: string; readonly column: string };

export type Operator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** Holds for rows in which both sides have values. */
export interface ColumnComparison {
  readonly left: string;
  readonly op: Operator;
  readonly right: { readonly column: string } | { readonly value: string | number | boolean };
}

/** A rule of one event: it is quarantined where two of its fields contradict each other. */
export interface RowRule extends RuleFacts {
  readonly left: readonly string[];
  readonly op: Operator;
  /** Segments from the payload, or a constant. */
  readonly right: { readonly path: readonly string[] } | { readonly value: string | number | boolean };
  /** How values are compared: times by instant, all else as it is. */
  readonly as: 'instant' | 'value';
}

export interface QualityRules {
  readonly rows: readonly RowRule[];
  readonly batches: readonly BatchRule[];
}
