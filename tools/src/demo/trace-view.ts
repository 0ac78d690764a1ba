import type { Terminal } from '../start/terminal';
import type { Trace } from './client';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/;
const VALUE_CHARS_MAX = 100;

/** An event's trace as lines, one a step: its time where it has one, its name, and what is known of it. */
export function traceLines(trace: Trace, colors: Terminal['colors']): string[] {
  const steps = Object.entries(trace).flatMap(([name, value]) => stepsOf(name, value));
  const width = Math.max(...steps.map(({ name }) => name.length));
  return steps.map(({ at, name, facts }) => `  ${colors.dim((at ?? '').slice(11, 23).padEnd(12))}  ${colors.cyan(name.padEnd(width))}  ${facts}`);
}

interface Step {
  readonly at: string | null;
  readonly name: string;
  readonly facts: string;
}

/** A list is a step for each of its objects; a scalar is a step by itself. */
function stepsOf(name: string, value: unknown): Step[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) {
    const objects = value.filter((each) => typeof each === 'object' && each !== null);
    return objects.length ? objects.flatMap((each) => stepsOf(name, each)) : value.length ? [{ at: null, name, facts: shorten(value.join(', ')) }] : [];
  }
  if (typeof value !== 'object') return [{ at: null, name, facts: shorten(String(value)) }];
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== undefined && each !== '');
  const at = entries.find(([key, each]) => /^(at|.*At|.*_at|time)$/.test(key) && typeof each === 'string' && TIME.test(each));
  const facts = entries.filter((entry) => entry !== at).map(([key, each]) => `${key}=${typeof each === 'object' ? JSON.stringify(each) : String(each)}`);
  return [{ at: at ? String(at[1]) : null, name, facts: facts.map(shorten).join(' ') }];
}

const shorten = (text: string): string => (text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text);
