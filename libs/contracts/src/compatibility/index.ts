/** Whether versions of contracts and of schemas go together, and why not. */
export { checkCompatibility } from './contracts';
export {
  checkSchemaCompatibility,
  SCHEMA_TYPES,
  type SchemaText,
  type SchemaType,
  schemaIdentity,
  type SchemaIdentity,
} from './schemas';
export {
  type Breaks,
  COMPATIBILITY_MODES,
  type CompatibilityMode,
  type ComparedVersion,
  type CounterExample,
  type Finding,
  FINDING_RULES,
  type FindingRule,
  FINDINGS_MAX,
  type Verdict,
} from './verdict';
