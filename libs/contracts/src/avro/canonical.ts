import { createHash } from 'node:crypto';
import { type AvroSchema, isNamed } from './schema';

/**
 * The Parsing Canonical Form (Avro specification, "Transforming into Parsing Canonical Form"): what decoders need and
 * nothing else. Two schemas with one form write the same bytes; defaults, aliases, docs and logical types may differ.
 */
export function parsingCanonicalForm(schema: AvroSchema): string {
  const defined = new Set<string>();
  const text = JSON.stringify;
  const form = (node: AvroSchema): string => {
    if (isNamed(node)) {
      if (defined.has(node.fullName)) return text(node.fullName);
      defined.add(node.fullName);
    }
    switch (node.kind) {
      case 'record': {
        const fields = node.fields.map(({ name, type }) => `{"name":${text(name)},"type":${form(type)}}`);
        return `{"name":${text(node.fullName)},"type":"record","fields":[${fields.join(',')}]}`;
      }
      case 'enum':
        return `{"name":${text(node.fullName)},"type":"enum","symbols":${text(node.symbols)}}`;
      case 'fixed':
        return `{"name":${text(node.fullName)},"type":"fixed","size":${node.size}}`;
      case 'array':
        return `{"type":"array","items":${form(node.items)}}`;
      case 'map':
        return `{"type":"map","values":${form(node.values)}}`;
      case 'union':
        return `[${node.branches.map(form).join(',')}]`;
      default:
        return text(node.kind);
    }
  };
  return form(schema);
}

const EMPTY = 0xc15d213aa4d7a795n;
const UINT64_MAX = 0xffffffffffffffffn;

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let fingerprint = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) fingerprint = (fingerprint >> 1n) ^ (EMPTY & -(fingerprint & 1n) & UINT64_MAX);
  return fingerprint;
});

/** The 64-bit Rabin fingerprint of the specification ("CRC-64-AVRO") of a schema's canonical form, signed. */
export function avroFingerprint(schema: AvroSchema): bigint {
  let fingerprint = EMPTY;
  for (const byte of Buffer.from(parsingCanonicalForm(schema)))
    fingerprint = (fingerprint >> 8n) ^ TABLE[Number((fingerprint ^ BigInt(byte)) & 0xffn)];
  return BigInt.asIntN(64, fingerprint);
}

/** SHA-256 of the canonical form, hex. */
export const avroFingerprintSha256 = (schema: AvroSchema): string =>
  createHash('sha256').update(parsingCanonicalForm(schema)).digest('hex');
