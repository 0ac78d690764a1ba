import { contractFromAvro, contractFromJsonSchema, type Loss } from '@millrace/contracts/convert';
import { ProblemException } from '@millrace/service';
import { type ContractFormat, odcsDocument, odcsText, schemaText, yamlOf } from './contract-body';
import type { ContractRegistry } from './registry';

export interface Proposal {
  readonly format: ContractFormat;
  /** The contract that it is for; absent where the body itself says. */
  readonly name?: string;
  /** Of a schema, which has none. */
  readonly version?: string;
}

export interface Proposed {
  /** ODCS, in YAML. */
  readonly text: string;
  /** What a schema says that a contract has no word for. */
  readonly losses: readonly Loss[];
}

type Document = Readonly<Record<string, unknown>>;

/**
 * The ODCS text of a proposed version. A JSON Schema or Avro schema brings the fields: all else is as in the contract's
 * version in force, or as in the contract that the schema was once made of.
 *
 * @throws ProblemException 400 where the body is of another contract; ContractError for what is no schema
 */
export async function proposedText(registry: ContractRegistry, body: unknown, proposal: Proposal): Promise<Proposed> {
  const { format, name, version } = proposal;
  if (format === 'odcs' || name === undefined) return { text: named(odcsText(body), name), losses: [] };
  const inForce = await registry.published.entry(name);
  const options = { name, version: version ?? '', eventTypes: inForce?.eventTypes ?? [name] };
  const convert = format === 'avro' ? contractFromAvro : contractFromJsonSchema;
  const { document, losses } = convert(schemaText(body), options);
  const known = inForce && (await registry.published.text(name, inForce.version));
  const restored = document.status !== 'draft' || document.id !== name;
  const whole = known && !restored ? withFieldsOf(odcsDocument(known) as Document, document) : document;
  if (version === undefined && !restored) throw withoutVersion();
  return { text: named(yamlOf(version === undefined ? whole : { ...whole, version }), name), losses };
}

/** A contract with the fields of another document of it. */
function withFieldsOf(known: Document, { schema }: Document): Document {
  const [own] = known.schema as readonly Document[];
  const [{ properties }] = schema as readonly Document[];
  return { ...known, schema: [{ ...own, properties }] };
}

function withoutVersion(): ProblemException {
  const detail = 'A schema has no version: name it, as in ?version=1.2.0';
  return new ProblemException(400, {
    detail: `${detail}.`,
    errors: [{ path: 'query.version', rule: 'required', detail }],
  });
}

function named(text: string, name: string | undefined): string {
  const found = name === undefined ? undefined : nameIn(text);
  if (found === undefined || found === name) return text;
  const detail = `The body is of the contract ${String(found).slice(0, 128)}, and the path names ${name?.slice(0, 128)}`;
  throw new ProblemException(400, { detail: `${detail}.`, errors: [{ path: '$.name', rule: 'name', detail }] });
}

/** Undefined where it is no document or says nothing: then it is no contract, and whoever reads it says why. */
function nameIn(text: string): unknown {
  try {
    return (odcsDocument(text) as { name?: unknown } | null)?.name;
  } catch {
    return undefined;
  }
}
