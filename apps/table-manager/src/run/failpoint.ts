/** Does what is planned for a place between two durable steps; nothing, at no cost to speak of, in ordinary use. */
export type Failpoint = (name: string) => Promise<void>;

/**
 * Reads `name=crash|error[@n],…`: at the n-th pass (default the first) of that place `crash` ends the process as
 * kill -9 does and `error` throws. Names of other services' places are never passed here.
 *
 * @throws Error for an action that does not exist
 */
export function createFailpoints(setting: string): Failpoint {
  const plans = new Map<string, { action: string; passesLeft: number }>();
  for (const entry of setting.split(',').filter((text) => text.trim() !== '')) {
    const match = /^\s*([^=\s]+)=(crash|error)(?:@(\d{1,9}))?\s*$/.exec(entry);
    if (!match) throw new Error(`not an action of a failpoint: ${entry.trim()}`);
    plans.set(match[1], { action: match[2], passesLeft: Number(match[3] ?? 1) });
  }
  if (plans.size === 0) return () => Promise.resolve();
  return async (name) => {
    const plan = plans.get(name);
    if (!plan || --plan.passesLeft !== 0) return;
    if (plan.action === 'error') throw new Error(`failpoint ${name}`);
    process.kill(process.pid, 'SIGKILL');
    // The signal is delivered asynchronously: nothing may happen until then.
    await new Promise(() => undefined);
  };
}
