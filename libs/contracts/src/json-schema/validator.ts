import { Ajv2020 } from 'ajv/dist/2020';
import { addDistinctItems } from '../distinct-items';
import { ajvPatterns } from '../patterns/compile-pattern';
import { SHAPE_FORMATS } from '../shapes/formats';
import { onStep } from '../shapes/steps';
import type { JsonSchema } from './schema';

/** Compiles a schema; formats are enforced, patterns run in linear time. */
export function jsonSchemaValidator({ root, defs }: JsonSchema): (value: unknown) => boolean {
  if (typeof root === 'boolean') return () => root;
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: true,
    formats: SHAPE_FORMATS,
    code: { regExp: ajvPatterns },
  });
  addDistinctItems(ajv);
  // By ajv's own rule 0.07 is no multiple of 0.01.
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    compile: (of: number) => (value: number) => onStep(value, { of }),
    errors: false,
  });
  const validate = ajv.compile({ ...root, $defs: defs });
  return (value) => validate(value) as boolean;
}
