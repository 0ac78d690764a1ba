import { ProblemException } from '@millrace/service';
import { parse, stringify } from 'yaml';
import { TextBody } from './body-parsers';

/** In what a contract is read and shown. */
export const CONTRACT_FORMATS = ['odcs'] as const;
export type ContractFormat = (typeof CONTRACT_FORMATS)[number];

/** The format that a request speaks of. */
export const formatOf = (parameter: ContractFormat | undefined): ContractFormat => parameter ?? 'odcs';

/** A contract as the text that is stored of it: YAML stays as it came, a JSON document is written as YAML. */
export function odcsText(body: unknown): string {
  if (body instanceof TextBody) return body.text;
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return stringify(body, { version: '1.2', schema: 'core', lineWidth: 0 });
  const detail = 'The body must be a contract: an Open Data Contract Standard document in YAML or JSON.';
  throw new ProblemException(400, { detail, errors: [{ path: '$', rule: 'object', detail }] });
}

/** The document of a stored text, for answers in JSON. */
export const odcsDocument = (text: string): unknown =>
  parse(text, { version: '1.2', schema: 'core', maxAliasCount: 100 });
