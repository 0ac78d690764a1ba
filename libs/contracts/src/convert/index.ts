/** Contracts as JSON Schema and Avro, and back: whole where Millrace reads what it wrote, else with every loss listed. */
export { contractFromAvro } from './from-avro';
export { contractFromJsonSchema } from './from-json-schema';
export type { ImportOptions, Loss } from './loss';
export { contractToAvro } from './to-avro';
export { contractToJsonSchema } from './to-json-schema';
