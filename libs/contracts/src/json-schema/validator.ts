import { Ajv2020 } from 'ajv/dist/2020';
import { addDistinctItems } from '../distinct-items';
import { ajvPatterns } from '../patterns/compile-pattern';
import { SHAPE_FORMATS } from '../shapes/formats';
import { MULTIPLE_DIGITS } from '../shapes/steps';
import type { JsonSchema } from './schema';

/** Compiles a schema; formats are enforced, patterns run in linear time. */
export function jsonSchemaValidator({ root, defs }: JsonSchema): (value: unknown) => boolean {
  if (typeof root === 'boolean') return () => root;
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: true,
    formats: SHAPE_FORMATS,
    multipleOfPrecision: MULTIPLE_DIGITS,
    code: { regExp: ajvPatterns },
  });
  addDistinctItems(ajv);
  const validate = ajv.compile({ ...root, $defs: defs });
  return (value) => validate(value) as boolean;
}
