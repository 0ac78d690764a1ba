export type { Access } from './access/control';
export { ingestAccessFields } from './access/fields';
export {
  type CommonConfig,
  ConfigError,
  type ConfigOf,
  type ConfigSchema,
  defineConfig,
  type Environment,
  parseConfig,
} from './config/config';
export { describeConfig, describeMinimalConfig } from './config/describe';
export { parseEnvFile } from './config/env-file';
export { type Field, type FieldOptions } from './config/field';
export { boolean, bytes, duration, filePath as path, integer, number, oneOf, port, string, url } from './config/kinds';
export type { Lifecycle, Resource } from './lifecycle/lifecycle';
export { parseStrictJson } from './json/strict-json';
export { isRetryable } from './lifecycle/retryable';
export type { OpenApi } from './openapi/document';
export { ProblemException, type ProblemDetail, type ProblemOptions } from './problem/problem';
export { runService } from './run';
export { createService, type Seams, type Service, type ServiceContext, type ServiceDefinition } from './service';
