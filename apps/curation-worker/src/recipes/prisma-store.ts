import type { PrismaClient } from '../generated/prisma/client';
import type { Recipe, RecipeKind, RecipeStore } from './port';

/** Two authors at once: one of them takes the number after. */
const TRIES_MAX = 10;

interface Row extends Omit<Recipe, 'kind' | 'group'> {
  readonly kind: string;
  readonly groupId: string | null;
}

/** Recipes in the service's own schema. */
export class PrismaRecipeStore implements RecipeStore {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly now: () => number,
  ) {}

  async get(tenant: string, name: string, version?: number): Promise<Recipe | null> {
    const where = { tenant, name, ...(version !== undefined && { version }) };
    const row = await this.prisma.recipe.findFirst({ where, orderBy: { version: 'desc' } });
    return row && recipeOf(row);
  }

  async versions(tenant: string, name: string, limit: number): Promise<Recipe[]> {
    const where = { tenant, name };
    const rows = await this.prisma.recipe.findMany({ where, orderBy: { version: 'desc' }, take: limit });
    return rows.map(recipeOf);
  }

  async add({ group, ...recipe }: Parameters<RecipeStore['add']>[0]): Promise<Recipe> {
    const { tenant, name } = recipe;
    for (let tries = 1; ; tries++) {
      const newest = await this.get(tenant, name);
      const data = { ...recipe, groupId: group, version: (newest?.version ?? 0) + 1, createdAt: new Date(this.now()) };
      try {
        return recipeOf(await this.prisma.recipe.create({ data }));
      } catch (error) {
        if ((error as { code?: string }).code !== 'P2002' || tries === TRIES_MAX) throw error;
      }
    }
  }

  async review(tenant: string, name: string, version: number, reviewedBy: string): Promise<Recipe | null> {
    const { count } = await this.prisma.recipe.updateMany({
      where: { tenant, name, version, reviewedBy: null },
      data: { reviewedBy, reviewedAt: new Date(this.now()) },
    });
    return count === 0 ? null : this.get(tenant, name, version);
  }
}

const recipeOf = ({ kind, groupId, ...row }: Row): Recipe => ({ ...row, kind: kind as RecipeKind, group: groupId });
