import { compile, type CompiledContract } from './compile';
import { loadContract, loadDocument } from './load-contract';
import type { ParsedFile } from './parsed-file';

/** Compiled texts kept, at most: a text is read in some 2 ms and kept in 60 kB, and each index names most of those before it. */
const KEPT_MAX = 2048;

const kept = new Map<string, CompiledContract>();

/**
 * Compiles a contract file; a text that was compiled lately is not compiled again, which its immutability allows.
 *
 * @throws ContractError
 */
export function compileText(yamlText: string): CompiledContract {
  return keep(yamlText, () => compile(loadContract(yamlText)));
}

/** The same of a contract file that was parsed when it was published. */
export function compileParsed({ sha256, document }: ParsedFile): CompiledContract {
  return keep(`sha256:${sha256}`, () => compile(loadDocument(document)));
}

function keep(key: string, make: () => CompiledContract): CompiledContract {
  const compiled = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, compiled);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value as string);
  return compiled;
}
