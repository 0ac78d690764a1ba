/** What a recipe made of one item. */
export interface Mended {
  readonly value: Buffer;
  /** `name@version`. */
  readonly recipe: string;
}
