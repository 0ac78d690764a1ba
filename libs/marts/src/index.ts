/** Marts as portable SQL, the questions that the API asks of them, and the known answers of the bundled data set. */
export { type AsKnownOptions, type BatchIds, martAsKnownSql } from './as-known';
export { isBatchOf } from './batch-ids';
export { partitionsUsingSql } from './dimension';
export { DAY_COLUMNS, dimensionTableOf, judgeable, ownColumns, referenceOf } from './quality/columns-read';
export { type DayToJudge, groupRules, judgeSql, unjudgedSql } from './quality/judge-sql';
export {
  isQualityMart,
  QUALITY_COLUMNS,
  QUALITY_TABLE,
  type QualityMart,
  qualityMart,
  type RuledContract,
} from './quality/mart';
export { EXCEPTIONS, MARTS, ON_TIME_PERFORMANCE, SHIPMENTS_DAILY } from './catalog';
export { compareAnswers, type ExpectedFiles, knownAnswers, type KnownAnswers, type Mismatch } from './known-answers';
export {
  DUCKDB_MACROS,
  type Mart,
  type MartColumn,
  type MartDefinition,
  type MartDimension,
  martSql,
  type MartSqlOptions,
  touchedPartitionsSql,
} from './mart';
export { daysHeldAgainst, type DaysBefore, isUsualRule, type UsualRule, usualWords } from './quality/usual-sql';
export { QUALITY_DAYS_BEFORE, type QualityInput, qualityTrendsQuery } from './quality/trends';
export {
  type MartQuery,
  PAGE_ROWS_DEFAULT,
  PAGE_ROWS_MAX,
  type PageInput,
  pageOf,
  type PeriodInput,
  QueryInputError,
  type Row,
} from './query';
export {
  type ExceptionsInput,
  exceptionsQuery,
  ON_TIME_COLUMNS,
  ON_TIME_GROUPS,
  type OnTimeGroup,
  type OnTimeInput,
  onTimePerformanceQuery,
  SHIPMENTS_DAILY_COUNTS,
  type ShipmentsDailyInput,
  shipmentsDailyQuery,
} from './shipment-queries';
