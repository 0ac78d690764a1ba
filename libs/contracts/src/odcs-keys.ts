/**
 * The keys that Open Data Contract Standard 3.1 knows, by element. A key outside them is refused, as the standard's JSON
 * schema does; own additions go to `customProperties`. `odcs-schema.engine.spec.ts` holds these sets against that schema.
 */
const set = (keys: string): ReadonlySet<string> => new Set(keys.split(' '));

export const ROOT_KEYS = set(
  'version kind apiVersion id name tenant tags status servers dataProduct description domain schema support price team ' +
    'roles slaDefaultElement slaProperties authoritativeDefinitions customProperties contractCreatedTs',
);

const ELEMENT_KEYS =
  'id name physicalType description businessName authoritativeDefinitions tags customProperties logicalType ' +
  'physicalName properties relationships quality';

export const SCHEMA_OBJECT_KEYS = set(`${ELEMENT_KEYS} dataGranularityDescription`);

export const PROPERTY_KEYS = set(
  `${ELEMENT_KEYS} primaryKey primaryKeyPosition logicalTypeOptions required unique partitioned partitionKeyPosition ` +
    'classification encryptedName transformSourceObjects transformLogic transformDescription examples ' +
    'criticalDataElement items',
);

export const QUALITY_KEYS = set(
  'id authoritativeDefinitions businessImpact customProperties description dimension method name schedule scheduler ' +
    'severity tags type unit metric rule arguments query engine implementation mustBe mustNotBe mustBeGreaterThan ' +
    'mustBeGreaterOrEqualTo mustBeLessThan mustBeLessOrEqualTo mustBeBetween mustNotBeBetween',
);

export const QUALITY_TYPES = ['text', 'library', 'sql', 'custom'] as const;
export const QUALITY_METRICS = ['nullValues', 'missingValues', 'invalidValues', 'duplicateValues', 'rowCount'] as const;

export const CUSTOM_PROPERTY_KEYS = set('id property value description');

export const SLA_KEYS = set('id property value valueExt unit element driver description scheduler schedule');

/** logicalTypeOptions by logical type. */
export const OPTION_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  string: set('minLength maxLength pattern format'),
  date: set('format minimum maximum exclusiveMinimum exclusiveMaximum'),
  timestamp: set('format minimum maximum exclusiveMinimum exclusiveMaximum timezone defaultTimezone'),
  time: set('format minimum maximum exclusiveMinimum exclusiveMaximum timezone defaultTimezone'),
  number: set('format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf'),
  integer: set('format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf'),
  object: set('minProperties maxProperties required'),
  array: set('minItems maxItems uniqueItems'),
  boolean: new Set(),
};
