/** What events look like, counted batch by batch. */
export { type FieldHistory, foldProfile, mergeHistories, presentOf, type ProfileHistory, valuesOf } from './history';
export * from './limits';
export { type ProfileKey, Profiler } from './profiler';
