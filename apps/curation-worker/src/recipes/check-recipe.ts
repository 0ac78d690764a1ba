import { validate } from 'fast-json-patch';
import jsonata from 'jsonata';
import type { RecipeKind } from './port';

/** Operations of a patch, at most. */
const OPERATIONS_MAX = 200;

/** Why a recipe can never be applied, in words; null where it can be tried. Nothing of it is run. */
export function checkRecipe(kind: RecipeKind, body: string): string | null {
  return kind === 'jsonata' ? checkExpression(body) : checkPatch(body);
}

function checkExpression(body: string): string | null {
  try {
    jsonata(body);
    return null;
  } catch (error) {
    const { message, position } = error as { message?: string; position?: number };
    return `${message ?? 'it is no JSONata'}${position === undefined ? '' : ` (at character ${position})`}`;
  }
}

function checkPatch(body: string): string | null {
  const operations: unknown = JSON.parse(body);
  if (!Array.isArray(operations) || operations.length === 0) return 'a patch is a list of at least one operation';
  if (operations.length > OPERATIONS_MAX) return `a patch has ${OPERATIONS_MAX} operations at most`;
  // Where it is not said of a document, only the form of the operations is checked.
  const error = validate(operations as Parameters<typeof validate>[0]);
  return error ? `operation ${error.index ?? 0}: ${error.name}` : null;
}
