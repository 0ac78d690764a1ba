import { ContractError, PROPERTIES_MAX } from '@millrace/contracts';
import { isMap, isScalar, isSeq, Lexer, parseDocument } from 'yaml';

/** Deeper than any contract; the parser is recursive, and slows down with the square of the depth. */
const YAML_DEPTH_MAX = 100;

/** More than any contract has. To read them takes some 20 µs each, in which the service does nothing else. */
const YAML_VALUES_MAX = 30_000;

/** Of a text with too many, so much is read to say where they are. */
const LOOKED_AT_VALUES = 1_000;

/** Tokens that stand for nothing in the text: of a document, of an error, and before an unquoted value. */
const [DOCUMENT, BROKEN, VALUE] = ['\u0002', '\u0018', '\u001f'];

/**
 * Refuses what a parser should not be given, by its tokens, in linear time and without recursion: lists and mappings
 * written on one line (`[[…`, `{a: {…`, `- - …`) that nest deeper than a contract's ever do, while what nests by
 * indentation is bounded by the size of the text; and more keys and values than any contract has.
 *
 * @throws ContractError
 */
export function assertReadable(text: string): void {
  let [flow, inline, values, offset, lookedTo] = [0, 0, 0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow--;
    else if (token === '-' || token === '?') inline++;
    else if (token === '\n' || token === '\r\n') inline = 0;
    else if (token === VALUE || token.startsWith('"') || token.startsWith("'")) values++;
    if (token !== DOCUMENT && token !== BROKEN && token !== VALUE) offset += token.length;
    if (values === LOOKED_AT_VALUES) lookedTo = offset;
    if (flow > YAML_DEPTH_MAX || inline > YAML_DEPTH_MAX)
      throw refused('', `must nest lists and mappings ${YAML_DEPTH_MAX} deep at most`);
    if (values > YAML_VALUES_MAX)
      throw refused(
        fullest(text.slice(0, lookedTo)),
        `has more in it than a contract may: ${YAML_VALUES_MAX} keys and values at most in the document, and ${PROPERTIES_MAX} fields in a list of them`,
      );
  }
}

const refused = (path: string, rule: string): ContractError => new ContractError([{ path, rule }]);

/** Path of the list or mapping that has the most in it, of those that the text is in when it breaks off. */
function fullest(text: string): string {
  let at: unknown = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
  }).contents;
  let path = '';
  let most = { path, size: 0 };
  while ((isMap(at) || isSeq(at)) && at.items.length > 0) {
    if (at.items.length > most.size) most = { path, size: at.items.length };
    if (isSeq(at)) {
      path += `[${at.items.length - 1}]`;
      at = at.items.at(-1);
    } else {
      const { key, value } = at.items[at.items.length - 1];
      path += `${path && '.'}${isScalar(key) ? String(key.value) : ''}`;
      at = value;
    }
  }
  return most.path;
}
