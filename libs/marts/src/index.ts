/** Marts as portable SQL, the questions that the API asks of them, and the known answers of the bundled data set. */
export { type AsKnownOptions, type BatchIds, martAsKnownSql } from './as-known';
export { partitionsUsingSql } from './dimension';
export { QUALITY_COLUMNS, QUALITY_TABLE, qualityMart } from './quality';
export { EXCEPTIONS, MARTS, ON_TIME_PERFORMANCE, SHIPMENTS_DAILY } from './catalog';
export { compareAnswers, type ExpectedFiles, knownAnswers, type KnownAnswers, type Mismatch } from './known-answers';
export {
  DUCKDB_MACROS,
  type MartColumn,
  type MartDefinition,
  type MartDimension,
  martSql,
  type MartSqlOptions,
  REFERENCE_PREFIX,
  touchedPartitionsSql,
} from './mart';
export { QUALITY_DAYS_BEFORE, type QualityInput, qualityTrendsQuery } from './quality-queries';
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
