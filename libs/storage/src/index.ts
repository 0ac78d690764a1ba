export * from './port';
export { assertObjectPath, assertPrefix, compareUtf8 } from './path-rules';
