/** Named places between durable steps, at which a process can be made to crash, fail or stall. */
export {
  Crash,
  createFailpoints,
  type Failpoint,
  type FailpointOptions,
  InjectedFailure,
  noFailpoints,
} from './failpoints';
export { type FailpointService, type PlaceOf, PLACES } from './places';
