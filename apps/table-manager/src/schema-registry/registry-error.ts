/** Errors of the Schema Registry's REST API: an HTTP status, and the code that clients look at. */
export const REGISTRY_ERRORS = {
  subject_not_found: [404, 40401],
  version_not_found: [404, 40402],
  schema_not_found: [404, 40403],
  subject_soft_deleted: [404, 40404],
  subject_not_soft_deleted: [404, 40405],
  version_soft_deleted: [404, 40406],
  version_not_soft_deleted: [404, 40407],
  config_not_found: [404, 40408],
  mode_not_found: [404, 40409],
  incompatible: [409, 409],
  bound: [409, 409],
  invalid_schema: [422, 42201],
  invalid_version: [422, 42202],
  invalid_level: [422, 42203],
  invalid_mode: [422, 42204],
  not_permitted: [422, 42205],
  invalid_subject: [422, 42208],
  too_many: [422, 42201],
} as const;

export type RegistryErrorKind = keyof typeof REGISTRY_ERRORS;

export class SchemaRegistryError extends Error {
  readonly status: number;
  readonly errorCode: number;

  constructor(
    readonly kind: RegistryErrorKind,
    message: string,
  ) {
    super(message);
    this.name = 'SchemaRegistryError';
    [this.status, this.errorCode] = REGISTRY_ERRORS[kind];
  }
}
