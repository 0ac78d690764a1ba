import type { Refusal } from '../envelope';
import { refusal } from '../refusal';
import { AvroBytes } from './avro-bytes';
import { compileAvro, JsonText, type ToJson } from './avro-json';
import type { SchemaFile } from './schema-file';
import { malformed, WireFault } from './wire-fault';

/** A registered schema, made ready to read values. */
export interface WireSchema extends Pick<SchemaFile, 'id' | 'type'> {
  readonly toJson: ToJson | null;
}

/** What a message in the wire format holds: JSON text, which is then read like any other item. */
export type WireDecoded =
  | { readonly ok: true; readonly schemaId: number; readonly json: Buffer }
  | { readonly ok: false; readonly refusal: Refusal; readonly schemaId: number | null };

const MAGIC = 0;
/** The magic byte and the id. */
const HEAD_BYTES = 5;

/** @throws Error for a text that is no schema of its type */
export function compileWireSchema({ id, type, text }: SchemaFile): WireSchema {
  return { id, type, toJson: type === 'AVRO' ? compileAvro(JSON.parse(text)) : null };
}

/** Whether bytes begin as the wire format does. JSON text never does. */
export const isWireFormat = (bytes: Buffer): boolean => bytes.length >= HEAD_BYTES && bytes[0] === MAGIC;

/** The id of the schema that a message names; null where it is not in the wire format. */
export const wireSchemaId = (bytes: Buffer): number | null => (isWireFormat(bytes) ? bytes.readUInt32BE(1) : null);

/**
 * Reads a message of a Schema Registry serializer: byte 0, the schema's id in four bytes (big-endian), the value. Work
 * and memory are bounded by the limits of an item, whatever the bytes say.
 *
 * @param schemaOf undefined for an id that is not registered
 */
export function decodeWireFormat(bytes: Buffer, schemaOf: (id: number) => WireSchema | undefined): WireDecoded {
  const schemaId = wireSchemaId(bytes);
  if (schemaId === null)
    return {
      ok: false,
      schemaId,
      refusal: refusal('invalid_wire_format', 'a message begins with byte 0 and a schema id'),
    };
  const schema = schemaOf(schemaId);
  if (!schema) return { ok: false, schemaId, refusal: refusal('unknown_schema', `no schema has the id ${schemaId}`) };
  if (!schema.toJson) return { ok: true, schemaId, json: bytes.subarray(HEAD_BYTES) };
  try {
    const from = new AvroBytes(bytes, HEAD_BYTES);
    const to = new JsonText();
    schema.toJson(from, to, 0);
    if (from.rest > 0) throw malformed(`${from.rest} bytes follow the value`);
    return { ok: true, schemaId, json: Buffer.from(to.done()) };
  } catch (error) {
    if (error instanceof WireFault) return { ok: false, schemaId, refusal: refusal(error.reason, error.rule) };
    throw error;
  }
}
