/**
 * Named places between durable steps where tests make a process die, or fail. Set by MILLRACE_FAILPOINTS, e.g.
 * `catalog-written=crash,cursor-moved=error`; nothing is set in ordinary use, and then a failpoint is one comparison.
 */
export function createFailpoints(setting: string | undefined): (name: string) => Promise<void> {
  const actions = new Map((setting ?? '').split(',').filter(Boolean).map((entry) => entry.split('=', 2) as [string, string]));
  if (actions.size === 0) return () => Promise.resolve();
  return async (name) => {
    const action = actions.get(name);
    if (action === 'crash') process.kill(process.pid, 'SIGKILL');
    if (action === 'error') {
      actions.delete(name);
      throw new Error(`failpoint ${name}`);
    }
  };
}
