import type { CompiledContract } from '@millrace/contracts';
import { contractToAvro, contractToJsonSchema } from '@millrace/contracts/convert';
import type { SchemaType } from './read-schema';

/** Where the converters keep the rest of a contract, so that it comes back whole; serializers have no use for it. */
const KEPT: Readonly<Record<SchemaType, string>> = { AVRO: 'odcs', JSON: 'x-odcs' };

/** A contract's schema as its producers register it: of the payload, and nothing but what serializers need. */
export function schemaOfContract({ contract }: CompiledContract, type: SchemaType): string {
  const { schema } = (type === 'AVRO' ? contractToAvro : contractToJsonSchema)(contract);
  return JSON.stringify(bare(schema, KEPT[type]));
}

/** @param names whether the keys of this node are names of fields, of which any is one */
function bare(node: unknown, kept: string, names = false): unknown {
  if (Array.isArray(node)) return node.map((item) => bare(item, kept));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).filter(([key]) => names || key !== kept);
  return Object.fromEntries(entries.map(([key, value]) => [key, bare(value, kept, !names && key === 'properties')]));
}
