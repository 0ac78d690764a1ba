import { createHash } from 'node:crypto';
import { canonicalize } from '@millrace/envelope';
import { avroFingerprintSha256 } from '../avro/canonical';
import { refusedByReader } from '../avro/codec';
import { parseAvroSchema } from '../avro/parse';
import { resolveAvro } from '../avro/resolve';
import { parseJsonSchema } from '../json-schema/parse';
import type { JsonSchema } from '../json-schema/schema';
import { jsonSchemaShape } from '../json-schema/to-shape';
import { jsonSchemaValidator } from '../json-schema/validator';
import { compareShapes } from '../shapes/compare';
import { judge, type Versioned } from './modes';
import { firstShown, toDifference } from './raw-difference';
import { type CompatibilityMode, type Difference, FINDINGS_MAX, type Verdict } from './verdict';

export const SCHEMA_TYPES = ['AVRO', 'JSON'] as const;
export type SchemaType = (typeof SCHEMA_TYPES)[number];

/** A version of a schema: its text under its number or name. */
export interface SchemaText {
  readonly version: string;
  readonly schema: string;
}

/**
 * Judges a proposed schema text against earlier ones of the same kind: Avro by its rules of schema resolution, JSON
 * Schema as contracts are judged.
 *
 * @param previous newest first
 * @throws ContractError for a text that is no schema, of the proposed or of an earlier version
 */
export function checkSchemaCompatibility({
  schemaType,
  mode,
  proposed,
  previous,
}: {
  readonly schemaType: SchemaType;
  readonly mode: CompatibilityMode;
  readonly proposed: SchemaText;
  readonly previous: readonly SchemaText[];
}): Verdict {
  return schemaType === 'AVRO'
    ? judgeTexts(mode, proposed, previous, parseAvroSchema, compareAvro)
    : judgeTexts(mode, proposed, previous, parseJsonSchema, compareJsonSchemas);
}

function judgeTexts<T>(
  mode: CompatibilityMode,
  proposed: SchemaText,
  previous: readonly SchemaText[],
  parse: (text: string) => T,
  compare: (reader: T, writer: T) => readonly Difference[],
): Verdict {
  const parsed = new Map<string, T>();
  const versioned = ({ version, schema }: SchemaText): Versioned<() => T> => ({
    version,
    of: () => {
      const known = parsed.get(schema) ?? parse(schema);
      parsed.set(schema, known);
      return known;
    },
  });
  // The proposed text is read even where the mode compares nothing: it must be a schema.
  const first = versioned(proposed);
  first.of();
  return judge(mode, first, previous.map(versioned), (reader, writer) => compare(reader(), writer()));
}

function compareAvro(
  reader: ReturnType<typeof parseAvroSchema>,
  writer: ReturnType<typeof parseAvroSchema>,
): readonly Difference[] {
  const found = resolveAvro(reader, writer).slice(0, FINDINGS_MAX);
  if (found.length === 0) return [];
  const shows = refusedByReader(reader, writer);
  return found.map((raw) => toDifference('$', raw, firstShown(raw, shows)));
}

function compareJsonSchemas(reader: JsonSchema, writer: JsonSchema): readonly Difference[] {
  const found = compareShapes(jsonSchemaShape(reader), jsonSchemaShape(writer)).slice(0, FINDINGS_MAX);
  if (found.length === 0) return [];
  const [reads, writes] = [jsonSchemaValidator(reader), jsonSchemaValidator(writer)];
  return found.map((raw) =>
    toDifference(
      '$',
      raw,
      firstShown(raw, (value) => writes(value) && !reads(value)),
    ),
  );
}

export interface SchemaIdentity {
  /** The text with its keys in order and without insignificant space (RFC 8785): equal for equal schemas. */
  readonly canonical: string;
  /** SHA-256 of `canonical`, hex. */
  readonly fingerprint: string;
  /** Of Avro: SHA-256, hex, of the Parsing Canonical Form, which leaves out what decoders do not need. */
  readonly parsingFingerprint: string | null;
}

/**
 * By what a schema is known again.
 *
 * @throws ContractError for a text that is no schema
 */
export function schemaIdentity(schemaType: SchemaType, schema: string): SchemaIdentity {
  const parsed = schemaType === 'AVRO' ? parseAvroSchema(schema) : null;
  if (!parsed) parseJsonSchema(schema);
  const canonical = canonicalize(JSON.parse(schema));
  return {
    canonical,
    fingerprint: createHash('sha256').update(canonical).digest('hex'),
    parsingFingerprint: parsed && avroFingerprintSha256(parsed),
  };
}
