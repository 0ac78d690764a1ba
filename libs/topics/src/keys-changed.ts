/** API keys were made or revoked; wakes readers, which look for the newest key file in storage. */
export interface KeysChanged {
  readonly version: number;
  readonly at: string;
}
