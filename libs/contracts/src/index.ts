/** Data contracts: Open Data Contract Standard 3.1 files, compiled to validators, columns and staging expressions. */
export { readCatalogDir, type CatalogContract } from './catalog-dir';
export { type Column, type ExcludedField, RECOVERED_COLUMN } from './columns';
export { compile, type CompiledContract } from './compile';
export { compileText } from './compile-text';
export { ContractError, type ContractProblem } from './contract-error';
export { explosivePatterns } from './explosive-patterns';
export {
  contractSet,
  type ContractSet,
  mayGovern,
  type PublishedContract,
  type UnavailableContract,
} from './contract-set';
export { ColumnTypeConflict, evolveColumns, type Evolution, type TableColumn } from './evolve-columns';
export {
  CONTRACT_INDEX_PREFIX,
  CONTRACT_PARSED_PREFIX,
  CONTRACT_VERSION_PREFIX,
  type ContractIndex,
  contractIndexOf,
  contractIndexPath,
  contractParsedPath,
  contractVersionPath,
  decodeContractIndex,
  encodeContractIndex,
  type IndexEntry,
  newestContractIndex,
} from './index-file';
export { loadContract } from './load-contract';
export { PROPERTIES_MAX } from './load-property';
export {
  type ContractReader,
  loadContractSet,
  newestIndexIn,
  type PublishedContracts,
  readPublished,
} from './load-contract-set';
export { encodeParsedContract } from './parsed-file';
export type {
  Contract,
  Dedupe,
  DedupeStrategy,
  DriftPolicy,
  EnrichedColumn,
  Enrichment,
  InferredState,
  Limits,
  LogicalType,
  Property,
  UnknownFieldPolicy,
} from './model';
export { unknownFields } from './unknown-field';
export {
  type CompiledPrivacy,
  holdsPersonal,
  isPersonal,
  type Privacy,
  type ProtectedNode,
  type TokenMode,
} from './privacy';
export { formatJsonPath, parseJsonPath } from './property-path';
export { type Retention, retentionCutOff, retentionInWords } from './retention';
export { protectPayload } from './protect-payload';
export type { PayloadText } from './validator';
export { VIOLATION_REASONS, type Violation, type ViolationReason } from './violation';
export type { BatchRule, Measure, QualityRules, RowRule, Threshold } from './quality/model';
