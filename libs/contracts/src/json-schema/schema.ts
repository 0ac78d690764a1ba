/**
 * A JSON Schema in one dialect: draft 2020-12, of which only what says something about values is left. Schemas of earlier
 * drafts are rewritten when they are read; references lead to `$defs` of the root and nowhere else.
 */
export type SchemaNode = boolean | Readonly<SchemaKeywords>;

export interface SchemaKeywords {
  $ref?: string;
  type?: readonly JsonType[];
  enum?: readonly unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  /** Only formats that are enforced; JSON Schema's `time` is `full-time` here. */
  format?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  prefixItems?: readonly SchemaNode[];
  items?: SchemaNode;
  contains?: SchemaNode;
  minContains?: number;
  maxContains?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Readonly<Record<string, SchemaNode>>;
  patternProperties?: Readonly<Record<string, SchemaNode>>;
  additionalProperties?: SchemaNode;
  propertyNames?: SchemaNode;
  dependentRequired?: Readonly<Record<string, readonly string[]>>;
  dependentSchemas?: Readonly<Record<string, SchemaNode>>;
  unevaluatedItems?: SchemaNode;
  unevaluatedProperties?: SchemaNode;
  allOf?: readonly SchemaNode[];
  anyOf?: readonly SchemaNode[];
  oneOf?: readonly SchemaNode[];
  not?: SchemaNode;
  if?: SchemaNode;
  then?: SchemaNode;
  else?: SchemaNode;
  title?: string;
  description?: string;
  examples?: unknown;
  /** What a contract said beyond JSON Schema; see convert/loss.ts. */
  'x-odcs'?: unknown;
}

export const JSON_TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof JSON_TYPES)[number];

export interface JsonSchema {
  readonly root: SchemaNode;
  /** By name; referred to as `#/$defs/<name>`. */
  readonly defs: Readonly<Record<string, SchemaNode>>;
}

export const DEFS = '#/$defs/';
