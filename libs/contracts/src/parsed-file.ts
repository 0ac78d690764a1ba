import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { loadContract } from './load-contract';

/**
 * A version file as JSON, beside it: reading YAML takes some 2 ms, a hundred times as long as reading JSON, and every
 * service reads all contracts at its start. It is written once its version file is there, says nothing that this does not
 * say, and may be absent: then the version file is read.
 */
export interface ParsedFile {
  /** Of the version file's bytes, hex. */
  readonly sha256: string;
  /** What the version file's YAML says. */
  readonly document: unknown;
}

/** Another form of these files gets another number; readers of this release pass over it. */
const FORMAT = 1;

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Equal texts give equal bytes. Null for a text whose values JSON cannot hold exactly.
 *
 * @throws ContractError for a text that is no contract
 */
export function encodeParsedContract(yamlText: string): Buffer | null {
  const { document } = loadContract(yamlText);
  const text = JSON.stringify({ format: FORMAT, sha256: sha256Of(Buffer.from(yamlText)), document });
  const { document: read } = JSON.parse(text) as ParsedFile;
  return isDeepStrictEqual(read, document) ? Buffer.from(text) : null;
}

/** Null for bytes that are no such file, or one of a release that writes them in another way. */
export function decodeParsedContract(bytes: Uint8Array): ParsedFile | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
  const { format, sha256, document } = (value ?? {}) as { format?: unknown; sha256?: unknown; document?: unknown };
  if (format !== FORMAT || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  return { sha256, document };
}
