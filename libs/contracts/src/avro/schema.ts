/** An Avro schema with its names resolved (Avro specification 1.12). A named type that refers to itself is a cycle. */
export type AvroSchema = AvroPrimitive | AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroUnion;

export const AVRO_PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type AvroPrimitiveKind = (typeof AVRO_PRIMITIVES)[number];

interface Logical {
  /** As written; one that Avro does not know, or that does not fit its type, is to be ignored. */
  readonly logicalType?: string;
  readonly precision?: number;
  readonly scale?: number;
}

export interface AvroPrimitive extends Logical {
  readonly kind: AvroPrimitiveKind;
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly aliases: readonly string[];
  /** Absent where the field has none; a default may be null. */
  readonly defaultValue?: { readonly json: unknown };
  readonly doc: string;
  /** Keys that Avro does not define, which it tells readers to keep. */
  readonly extra: Readonly<Record<string, unknown>>;
}

interface Named {
  /** With its namespace. */
  readonly fullName: string;
  /** With their namespaces. */
  readonly aliases: readonly string[];
  readonly doc: string;
}

export interface AvroRecord extends Named {
  readonly kind: 'record';
  /** Filled when the whole record is read, since its fields may refer to it. */
  readonly fields: readonly AvroField[];
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface AvroEnum extends Named {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  readonly defaultSymbol: string | null;
}

export interface AvroFixed extends Named, Logical {
  readonly kind: 'fixed';
  /** Bytes. */
  readonly size: number;
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroSchema;
}

export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroSchema;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroSchema[];
}

export const isNamed = (schema: AvroSchema): schema is AvroRecord | AvroEnum | AvroFixed => 'fullName' in schema;

/** How a branch of a union is named in Avro's JSON encoding and in messages. */
export const avroName = (schema: AvroSchema): string => (isNamed(schema) ? schema.fullName : schema.kind);

export const shortName = (fullName: string): string => fullName.slice(fullName.lastIndexOf('.') + 1);
