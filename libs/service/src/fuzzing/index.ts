export { bodyFor, mutate } from './bodies';
export { Chance } from './chance';
export { headersOf } from './headers';
export { type FuzzRequest, type Operation, operationsOf, requestOf } from './operations';
export { type RawAnswer, rawPost, RawConnection } from './raw-connection';
export { malformed, onTheWire } from './wire';
