import { setTimeout as sleepFor } from 'node:timers/promises';
import { consumePlan, crashProcess, report } from './folder';
import { parsePlan, type Planned } from './plan';
import type { FailpointService, PlaceOf } from './places';

/**
 * Does what is planned for a place between two durable steps; nothing, at no cost to speak of, in ordinary use. A
 * simulation hands in its own, which throws a `Crash`. `detail` says which of many, e.g. a table.
 */
export type Failpoint<S extends FailpointService> = (place: PlaceOf<S>, detail?: string) => Promise<void> | void;

export const noFailpoints = (): void => undefined;

/** What `error` throws. */
export class InjectedFailure extends Error {
  readonly code = 'INJECTED';
}

/** What a simulated process dies of. Nothing that catches it may have a further effect. */
export class Crash extends Error {
  readonly code = 'CRASH';
}

export interface FailpointOptions {
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** Default: ends this process as kill -9 does. */
  readonly crash?: (place: string) => Promise<void> | void;
}

/** Begins a setting that names a folder. */
const FOLDER = 'folder:';

/**
 * The failpoints of a service by the setting MILLRACE_FAILPOINTS: a plan (see plan.ts), or `folder:DIR`. From a folder
 * the plan is DIR/<service>.plan, read and removed at the start, so that it is of one process and not of the next; what
 * was done is a line of DIR/<service>.done.
 *
 * @throws Error for a plan that names no place or action
 */
export function createFailpoints<S extends FailpointService>(
  service: S,
  setting: string,
  options: FailpointOptions = {},
): Failpoint<S> {
  const folder = setting.startsWith(FOLDER) ? setting.slice(FOLDER.length) : null;
  const plan = parsePlan(service, folder === null ? setting : consumePlan(folder, service));
  if (plan.size === 0) return noFailpoints;
  const { sleep = sleepFor, crash = crashProcess } = options;
  const passes = new Map<string, number>();
  const due = (name: string): Planned | null => {
    const planned = plan.get(name);
    if (!planned) return null;
    const pass = (passes.get(name) ?? 0) + 1;
    passes.set(name, pass);
    return planned.at === null || planned.at === pass ? planned : null;
  };
  return async (place, detail) => {
    const name = detail === undefined ? place : `${place}:${detail}`;
    const planned = due(place) ?? (detail === undefined ? null : due(name));
    if (!planned) return;
    const { action } = planned;
    report(folder, service, `${service}/${name} ${action.kind}`);
    if (action.kind === 'delay') await sleep(action.ms);
    else if (action.kind === 'error') throw new InjectedFailure(`failpoint ${service}/${name}`);
    else await crash(name);
  };
}
