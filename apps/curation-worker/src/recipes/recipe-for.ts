import { ProblemException } from '@millrace/service';
import type { RecipeRef, Selection } from '../replay/port';
import type { RecipeStore } from './port';

/** Versions that are looked through for a reviewed one. */
const VERSIONS_MAX = 100;

/**
 * The version of a recipe that a plan or a replay takes: the one named, else the newest that may be used.
 *
 * @throws ProblemException 404 where there is none; 409 where it is not reviewed, or is for another group
 */
export async function recipeFor(
  recipes: Pick<RecipeStore, 'get' | 'versions'>,
  tenant: string,
  { name, version }: { readonly name: string; readonly version?: number },
  { group }: Selection,
  use: 'plan' | 'run',
): Promise<RecipeRef> {
  const known =
    version !== undefined
      ? [await recipes.get(tenant, name, version)].flatMap((recipe) => recipe ?? [])
      : await recipes.versions(tenant, name, VERSIONS_MAX);
  if (known.length === 0) throw new ProblemException(404, { detail: `There is no such version of recipe ${name}.` });
  const recipe = use === 'plan' ? known[0] : known.find(({ reviewedBy }) => reviewedBy !== null);
  if (!recipe) {
    throw new ProblemException(409, {
      detail: `Recipe ${name} has not been reviewed: somebody else than its author has to approve it before it runs.`,
    });
  }
  if (recipe.group !== null && recipe.group !== group) {
    throw new ProblemException(409, {
      detail: `Recipe ${name}@${recipe.version} is for group ${recipe.group}: select that group.`,
    });
  }
  return { name, version: recipe.version };
}
