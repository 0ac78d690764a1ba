import { ProblemException } from '@millrace/service';
import { parse, stringify } from 'yaml';
import { AVRO_SCHEMA_TYPE, JSON_SCHEMA_TYPE, TextBody } from './body-parsers';
import { assertReadable } from './readable-yaml';

/** In what a contract is read and shown. */
export const CONTRACT_FORMATS = ['odcs', 'jsonschema', 'avro'] as const;
export type ContractFormat = (typeof CONTRACT_FORMATS)[number];

const YAML = { version: '1.2', schema: 'core' } as const;

/** The format that a request speaks of: its parameter, else its media type, else ODCS. */
export function formatOf(parameter: ContractFormat | undefined, mediaType: string | undefined): ContractFormat {
  if (parameter !== undefined) return parameter;
  const media = mediaType?.toLowerCase() ?? '';
  if (media.includes(JSON_SCHEMA_TYPE)) return 'jsonschema';
  return media.includes(AVRO_SCHEMA_TYPE) ? 'avro' : 'odcs';
}

/**
 * A contract as the text that is stored of it: YAML stays as it came, a JSON document is written as YAML.
 *
 * @throws ContractError for a text that nests, or holds more, than any contract
 */
export function odcsText(body: unknown): string {
  const text = body instanceof TextBody ? body.text : yamlOf(objectIn(body));
  assertReadable(text);
  return text;
}

/** The text of a schema in JSON. */
export const schemaText = (body: unknown): string =>
  body instanceof TextBody ? body.text : JSON.stringify(objectIn(body));

export const yamlOf = (document: unknown): string => stringify(document, { ...YAML, lineWidth: 0 });

/** The document of a stored text, for answers in JSON. */
export const odcsDocument = (text: string): unknown => parse(text, { ...YAML, maxAliasCount: 100 });

function objectIn(body: unknown): object {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  const detail = 'The body must be a contract: an ODCS document in YAML or JSON, a JSON Schema or an Avro schema.';
  throw new ProblemException(400, { detail, errors: [{ path: '$', rule: 'object', detail }] });
}
