import { isUtf8 } from 'node:buffer';
import { parseLossless } from '@millrace/envelope';
import type { SkippedRow } from '../landing/port';
import type { RecipeRef, StoredItem } from '../replay/port';
import type { Mend } from '../replay/runner';
import type { Mended, Recipe, RecipeStore } from './port';
import type { Applied } from './recipe-process.client';

/** A recipe ready to be applied. */
export interface OpenRecipe {
  /** @param text JSON of an item */
  apply(text: string): Promise<Applied>;
  close(): Promise<void>;
}

export interface MendDeps {
  readonly recipes: Pick<RecipeStore, 'get'>;
  readonly open: (recipe: Recipe) => OpenRecipe;
}

/** Items of a batch on which a recipe may exceed its limits; then it is not tried on the others. */
const STOPPED_MAX = 3;

/** Applies recipes to items, each by itself: what fails of one says nothing about its neighbours. */
export function createMend({ recipes, open }: MendDeps): Mend {
  return async (tenant, ref, items) => {
    const recipe = await recipes.get(tenant, ref.name, ref.version);
    if (!recipe) throw new Error(`there is no recipe ${labelOf(ref)}`);
    const mended = new Map<number, Mended>();
    const failures: SkippedRow[] = [];
    const opened = open(recipe);
    try {
      for (let i = 0, stopped = 0; i < items.length; i++) {
        const item = items[i];
        const applied =
          stopped >= STOPPED_MAX
            ? { failure: 'it exceeded its limits on the items before' }
            : await applyTo(opened, item);
        if ('text' in applied) mended.set(item.id, { value: Buffer.from(applied.text), recipe: labelOf(ref) });
        else failures.push({ id: item.id, failure: `recipe ${labelOf(ref)}: ${applied.failure}` });
        if ('failure' in applied && /^it (took longer|needed more)/.test(applied.failure)) stopped++;
      }
    } finally {
      await opened.close();
    }
    return { mended, failures };
  };
}

export const labelOf = ({ name, version }: RecipeRef): string => `${name}@${version}`;

async function applyTo(recipe: OpenRecipe, { raw }: StoredItem): Promise<Applied> {
  if (!isUtf8(raw)) return { failure: 'the item is no UTF-8' };
  const text = raw.toString('utf8');
  try {
    // The recipe works on numbers of 64 bits: digits beyond them would be lost in silence.
    if (isRounded(parseLossless(text))) return { failure: 'the item has a number that it would round' };
  } catch {
    return { failure: 'the item is no JSON' };
  }
  return recipe.apply(text);
}

function isRounded(value: unknown): boolean {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(isRounded);
}
