/** Names of a batch's facilities, each kept once: an event holds the place of its own. */
export class Facilities {
  /** The first place is that of events without one. */
  readonly names: string[] = [''];
  private readonly places = new Map<string, number>();

  /**
   * @param path segments from the payload; null where no contract names a facility
   * @returns 0 where the payload has no text there, or an empty one
   */
  placeOf(payload: unknown, path: readonly string[] | null): number {
    if (path === null) return 0;
    let value = payload;
    for (const segment of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return 0;
      value = (value as Record<string, unknown>)[segment];
    }
    if (typeof value !== 'string' || value === '') return 0;
    let place = this.places.get(value);
    if (place === undefined) this.places.set(value, (place = this.names.push(value) - 1));
    return place;
  }
}
