import { ContractError } from '@millrace/contracts';
import { Lexer } from 'yaml';

/** Deeper than any contract; the parser is recursive, and slows down with the square of the depth. */
const YAML_DEPTH_MAX = 100;

/** @throws ContractError for a text that a parser should not be given */
export function assertShallow(text: string): void {
  if (nestsTooDeep(text))
    throw new ContractError([{ path: '', rule: `must nest lists and mappings ${YAML_DEPTH_MAX} deep at most` }]);
}

/**
 * Whether lists and mappings written on one line (`[[…`, `{a: {…`, `- - …`) nest deeper than a contract's ever do. By its
 * tokens, in linear time and without recursion; what nests by indentation is bounded by the size of the text.
 */
function nestsTooDeep(text: string): boolean {
  let [flow, inline] = [0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow--;
    else if (token === '-' || token === '?') inline++;
    else if (token === '\n' || token === '\r\n') inline = 0;
    if (flow > YAML_DEPTH_MAX || inline > YAML_DEPTH_MAX) return true;
  }
  return false;
}
