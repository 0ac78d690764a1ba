/** What a recipe made of one item. */
export interface Mended {
  readonly value: Buffer;
  /** `name@version`. */
  readonly recipe: string;
}

export const RECIPE_KINDS = ['json-patch', 'jsonata'] as const;
export type RecipeKind = (typeof RECIPE_KINDS)[number];

/** How items of a group are mended: what it says is immutable, its review is given once. */
export interface Recipe {
  readonly tenant: string;
  readonly name: string;
  /** From 1, without gaps. */
  readonly version: number;
  readonly kind: RecipeKind;
  /** Operations of RFC 6902 as JSON, or an expression. */
  readonly body: string;
  /** The only group that it is for; null for any. */
  readonly group: string | null;
  readonly description: string;
  readonly author: string;
  readonly createdAt: Date;
  readonly reviewedBy: string | null;
  readonly reviewedAt: Date | null;
}

export interface RecipeStore {
  /** A version, the newest one where none is named. */
  get(tenant: string, name: string, version?: number): Promise<Recipe | null>;
  /** Versions, newest first. */
  versions(tenant: string, name: string, limit: number): Promise<readonly Recipe[]>;
  /** Adds the next version. */
  add(recipe: Omit<Recipe, 'version' | 'createdAt' | 'reviewedBy' | 'reviewedAt'>): Promise<Recipe>;
  /** Records a review. Null where there is no such version, or it has one. */
  review(tenant: string, name: string, version: number, by: string): Promise<Recipe | null>;
}
