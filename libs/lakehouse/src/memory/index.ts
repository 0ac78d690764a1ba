export { createJsonRows, givenRows, readJsonRows, type JsonRow } from './json-rows';
