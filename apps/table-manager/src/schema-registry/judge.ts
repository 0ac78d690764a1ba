import { ContractError } from '@millrace/contracts';
import { checkSchemaCompatibility } from '@millrace/contracts/compatibility';
import { SchemaRegistryError } from './registry-error';
import type { JudgeSchemas } from './schema-registry';

/** Avro by its rules of schema resolution, JSON Schema by what it lets through; other kinds never go together. */
export const judgeSchemas: JudgeSchemas = (mode, { type, text }, previous) => {
  const other = previous.find((version) => version.type !== type);
  if (other && mode !== 'NONE')
    throw new SchemaRegistryError(
      'incompatible',
      `Schema being registered is incompatible with an earlier schema, details: [it is ${type}, and version ${other.version} is ${other.type}]`,
    );
  try {
    return checkSchemaCompatibility({
      ...{ schemaType: type, mode },
      proposed: { version: 'the new one', schema: text },
      previous:
        mode === 'NONE' ? [] : previous.map(({ version, text: schema }) => ({ version: String(version), schema })),
    });
  } catch (error) {
    if (error instanceof ContractError)
      throw new SchemaRegistryError('invalid_schema', `Invalid schema: ${error.message}`);
    throw error;
  }
};
