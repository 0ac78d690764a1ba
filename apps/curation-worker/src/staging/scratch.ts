/** Files for another program to read, gone when they are dropped or the process ends. Never synced. */
export interface Scratch {
  hold(bytes: Buffer): Promise<{ readonly path: string; drop(): Promise<void> }>;
}
