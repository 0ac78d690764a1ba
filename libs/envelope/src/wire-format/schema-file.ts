/**
 * Registered schemas in storage: `schemas/ids/<id, 10 digits>.json`, immutable, written before anybody is told of the
 * id. Whoever meets an id that it does not know reads its file.
 */
export interface SchemaFile {
  /** 1 to 2^31 − 1. */
  readonly id: number;
  readonly type: 'AVRO' | 'JSON';
  /** The schema, as it was registered. */
  readonly text: string;
}

export const schemaFilePath = (id: number): string => `schemas/ids/${String(id).padStart(10, '0')}.json`;

export const encodeSchemaFile = ({ id, type, text }: SchemaFile): Buffer =>
  Buffer.from(`${JSON.stringify({ id, type, text })}\n`);

/** @throws Error for bytes that are no schema file. Unknown fields are ignored. */
export function decodeSchemaFile(bytes: Uint8Array): SchemaFile {
  const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<SchemaFile> | null;
  const { id, type, text } = value ?? {};
  if (!Number.isSafeInteger(id) || (type !== 'AVRO' && type !== 'JSON') || typeof text !== 'string')
    throw new Error('not a schema file: id, type and text are required');
  return { id: id as number, type, text };
}
