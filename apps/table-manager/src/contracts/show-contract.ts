import { loadContract } from '@millrace/contracts';
import { contractToAvro, contractToJsonSchema } from '@millrace/contracts/convert';
import { AVRO_SCHEMA_TYPE, JSON_SCHEMA_TYPE } from './body-parsers';
import { type ContractFormat, formatOf, odcsDocument } from './contract-body';

export interface Shown {
  readonly type: string;
  readonly body: unknown;
}

/**
 * A stored contract in the format that was asked for.
 *
 * @param losses whether to answer with what the format has no word for: `{schema, losses}`
 * @throws ContractError for a version of a release that knows more, in another format than its own
 */
export function showContract(
  text: string,
  format: ContractFormat | undefined,
  accept: string | undefined,
  losses: boolean,
): Shown {
  const wanted = formatOf(format, accept);
  if (wanted !== 'odcs') {
    const converted = (wanted === 'avro' ? contractToAvro : contractToJsonSchema)(loadContract(text));
    if (losses) return { type: 'application/json; charset=utf-8', body: converted };
    return { type: wanted === 'avro' ? AVRO_SCHEMA_TYPE : JSON_SCHEMA_TYPE, body: JSON.stringify(converted.schema) };
  }
  // Without a wish it is the file itself.
  return accept?.toLowerCase().includes('application/json')
    ? { type: 'application/json; charset=utf-8', body: odcsDocument(text) }
    : { type: 'application/yaml; charset=utf-8', body: text };
}
