/** What the value of a keyword must be; those that changed between drafts are read one by one. */
export type KeywordKind =
  'number' | 'positive' | 'count' | 'flag' | 'schema' | 'schemas' | 'map' | 'names' | 'text' | 'nameMap' | 'raw';

export const KEYWORDS: Readonly<Record<string, KeywordKind>> = {
  minimum: 'number',
  maximum: 'number',
  multipleOf: 'positive',
  minLength: 'count',
  maxLength: 'count',
  minItems: 'count',
  maxItems: 'count',
  minContains: 'count',
  maxContains: 'count',
  minProperties: 'count',
  maxProperties: 'count',
  uniqueItems: 'flag',
  prefixItems: 'schemas',
  contains: 'schema',
  required: 'names',
  properties: 'map',
  patternProperties: 'map',
  additionalProperties: 'schema',
  propertyNames: 'schema',
  dependentRequired: 'nameMap',
  dependentSchemas: 'map',
  unevaluatedItems: 'schema',
  unevaluatedProperties: 'schema',
  allOf: 'schemas',
  anyOf: 'schemas',
  oneOf: 'schemas',
  not: 'schema',
  if: 'schema',
  then: 'schema',
  else: 'schema',
  title: 'text',
  description: 'text',
  examples: 'raw',
  'x-odcs': 'raw',
};

/** Keywords whose schemas speak about the very value that the schema around them speaks about. */
export const IN_PLACE = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else']);
