import { createHash } from 'node:crypto';
import type { CheckedTask } from '../check-task';

/** What a job's row holds of a task. The trigger `plan_retry` reads `backoffMs`. */
export type Payload = Pick<CheckedTask, 'name' | 'url' | 'body' | 'headers' | 'backoffMs' | 'timeoutMs'>;

export const payloadOf = ({ name, url, body, headers, backoffMs, timeoutMs }: CheckedTask): Payload => ({
  name,
  url,
  body,
  headers,
  backoffMs,
  timeoutMs,
});

const KEY_CHARS_MAX = 512;

/** The unique key of a named task. Names may be longer than the column: a `#` cannot stand in a name. */
export function keyOf({ queue, name }: Pick<CheckedTask, 'queue' | 'name'>): string | null {
  if (name === undefined) return null;
  const key = `${queue}/${name}`;
  return key.length <= KEY_CHARS_MAX ? key : `${queue}/#${createHash('sha256').update(name).digest('hex')}`;
}
