import { compile, type CompiledContract } from './compile';
import { loadContract } from './load-contract';

/** Compiled texts kept, at most: a text is read in some 2 ms and kept in 60 kB, and each index names most of those before it. */
const KEPT_MAX = 2048;

const kept = new Map<string, CompiledContract>();

/**
 * Compiles a contract file; a text that was compiled lately is not compiled again, which its immutability allows.
 *
 * @throws ContractError
 */
export function compileText(yamlText: string): CompiledContract {
  let compiled = kept.get(yamlText);
  if (!compiled) compiled = compile(loadContract(yamlText));
  kept.delete(yamlText);
  kept.set(yamlText, compiled);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value as string);
  return compiled;
}
