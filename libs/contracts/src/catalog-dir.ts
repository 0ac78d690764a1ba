import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ContractError } from './contract-error';
import { loadContract } from './load-contract';
import type { Contract } from './model';

export interface CatalogContract {
  /** File name. */
  readonly file: string;
  /** The file's text, to be published as it is. */
  readonly yaml: string;
  readonly contract: Contract;
}

const SUFFIX = '.odcs.yaml';

/**
 * Reads the contracts that come with Millrace, or those of another folder, sorted by file name.
 *
 * @throws ContractError whose paths begin with the file's name
 */
export function readCatalogDir(dir: string = path.join(__dirname, '..', 'catalog')): readonly CatalogContract[] {
  const files = readdirSync(dir).filter((name) => name.endsWith(SUFFIX));
  return files.sort().map((file) => {
    const yaml = readFileSync(path.join(dir, file), 'utf8');
    try {
      return { file, yaml, contract: loadContract(yaml) };
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      throw new ContractError(error.problems.map((p) => ({ ...p, path: p.path ? `${file}: ${p.path}` : file })));
    }
  });
}
