import type { Timers } from './timers';

/** Places between two durable steps. A test makes the process crash, stall or fail at each of them. */
export const FAILPOINTS = [
  'before-begin',
  'after-position',
  'after-claims',
  'after-parquet',
  'after-fates',
  'after-raw',
  'after-quarantine',
  'before-commit',
  'after-commit',
  'after-announce',
  'after-ack',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** Does what is planned for a place; nothing, at no cost to speak of, in production. */
export type Failpoint = (name: FailpointName) => Promise<void> | void;

export const noFailpoints: Failpoint = () => undefined;

export class InjectedFailure extends Error {
  readonly code = 'INJECTED';
}

type Action = { readonly kind: 'crash' | 'error' } | { readonly kind: 'delay'; readonly ms: number };

const ACTION = /^(crash|error|delay:(\d{1,6}))(?:@(\d{1,9}))?$/;

/**
 * Reads `name=action[@n],…`: at the n-th pass (default every one) `crash` ends the process as kill -9 does, `error`
 * throws, `delay:<ms>` waits. Names of other services' places are left to them.
 *
 * @throws Error for an action that does not exist
 */
export function parseFailpoints(text: string, timers: Pick<Timers, 'sleep'>): Failpoint {
  const plans = new Map<string, { action: Action; at: number | null; passes: number }>();
  for (const entry of text.split(',')) {
    const [name, what = ''] = entry.trim().split('=');
    if (!(FAILPOINTS as readonly string[]).includes(name)) continue;
    const match = ACTION.exec(what);
    if (!match) throw new Error(`not an action of a failpoint: ${entry}`);
    const action: Action =
      match[2] === undefined ? { kind: match[1] as 'crash' | 'error' } : { kind: 'delay', ms: Number(match[2]) };
    plans.set(name, { action, at: match[3] === undefined ? null : Number(match[3]), passes: 0 });
  }
  if (plans.size === 0) return noFailpoints;
  return async (name) => {
    const plan = plans.get(name);
    if (!plan || (plan.at !== null && ++plan.passes !== plan.at)) return;
    if (plan.action.kind === 'delay') await timers.sleep(plan.action.ms);
    else if (plan.action.kind === 'error') throw new InjectedFailure(`failpoint ${name}`);
    else {
      process.kill(process.pid, 'SIGKILL');
      // The signal is delivered asynchronously: nothing may happen until then.
      await new Promise(() => undefined);
    }
  };
}
