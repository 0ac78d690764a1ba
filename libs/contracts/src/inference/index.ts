/** Contracts made of what events look like, for types without one and for fields that a contract does not list. */
export { adoptContract } from './adopt-contract';
export { type Evolved, evolveContract, nextVersion } from './evolve-contract';
export { FIRST_VERSION, inferContract, type InferredNames, type NotInferable } from './infer-contract';
export { INFERRED_COLUMNS_MAX } from './infer-properties';
export { INTEGERS_MIN, type Kind, kindOf, kindOfProperty, misfits, widened } from './kinds';
export { columnName, namesFor, slugOf, tableOf } from './names';
