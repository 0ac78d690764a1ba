export { openDuck } from './duck';
export type { Duck, DuckConnection, DuckOptions, QueryOptions } from './duck';
export { DuckError } from './duck-error';
export type { DuckErrorCode } from './duck-error';
export { quoteIdentifier, quoteLiteral, quoteList } from './quoting';
export type { DuckParameter, DuckRow, DuckScalar, DuckResultValue } from './values';
export { holdingSql, rowsHolding } from './rows-holding';
