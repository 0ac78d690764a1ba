/** When a service was called with which API keys since it last said so; the newest time of each key counts. */
export interface KeysUsed {
  readonly service: string;
  /** ISO-8601 by key id. */
  readonly uses: Readonly<Record<string, string>>;
}

export const keysUsed = (service: string, uses: ReadonlyMap<string, number>): KeysUsed => ({
  service,
  uses: Object.fromEntries([...uses].map(([id, at]) => [id, new Date(at).toISOString()])),
});
