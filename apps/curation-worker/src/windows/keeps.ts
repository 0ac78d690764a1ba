/** A window that changed within this time is not forgotten, ms: what is loaded late is there for a while. */
export const SETTLED_MS = 86_400_000;
