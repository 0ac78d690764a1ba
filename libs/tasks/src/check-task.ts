import { type Task, TasksError } from './port';

export const LIMITS = {
  /** As Cloud Tasks names its queues. */
  queueCharsMax: 100,
  nameCharsMax: 500,
  urlBytesMax: 2_083,
  headersMax: 50,
  headerBytesMax: 16_384,
  bodyBytesMax: 1_000_000,
  scheduleAheadMsMax: 30 * 86_400_000,
  attemptsMax: 1_000,
  backoffMsMax: 86_400_000,
  timeoutMsMax: 1_800_000,
} as const;

const DEFAULTS = { attemptsMax: 10, backoffMs: { min: 1_000, max: 300_000 }, timeoutMs: 60_000 };

/** A task that may be stored: checked, its defaults filled in, its body serialised once. */
export interface CheckedTask {
  readonly queue: string;
  readonly name: string | undefined;
  readonly url: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly scheduleAt: Date | undefined;
  readonly attemptsMax: number;
  readonly backoffMs: { readonly min: number; readonly max: number };
  readonly timeoutMs: number;
}

/** RFC 9110, 5.1 and 5.5: what may stand in a field's name and value. No CR, LF or NUL, so no second header. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What the connection or the runner decides, and what a receiver trusts to come from it. */
const RESERVED =
  /^(host|content-length|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|x-task-.*|x-cloudtasks-.*|x-appengine-.*|x-google-.*)$/i;

/**
 * Checks a task against LIMITS and `origins` (from `allowlist`): a task can only ever call our own services.
 * Throws TASKS_BAD_TASK with what is wrong.
 */
export function checkTask(task: Task, origins: readonly string[], now: number): CheckedTask {
  if (!new RegExp(`^[A-Za-z0-9-]{1,${LIMITS.queueCharsMax}}$`).test(task.queue)) {
    throw bad(`queue must be 1-${LIMITS.queueCharsMax} characters of [A-Za-z0-9-]`);
  }
  if (task.name !== undefined && !new RegExp(`^[A-Za-z0-9_-]{1,${LIMITS.nameCharsMax}}$`).test(task.name)) {
    throw bad(`name must be 1-${LIMITS.nameCharsMax} characters of [A-Za-z0-9_-]`);
  }
  const { attemptsMax = DEFAULTS.attemptsMax, timeoutMs = DEFAULTS.timeoutMs, backoffMs = DEFAULTS.backoffMs } = task;
  inRange('attemptsMax', attemptsMax, 1, LIMITS.attemptsMax);
  inRange('timeoutMs', timeoutMs, 1, LIMITS.timeoutMsMax);
  inRange('backoffMs.min', backoffMs.min, 1, LIMITS.backoffMsMax);
  inRange('backoffMs.max', backoffMs.max, backoffMs.min, LIMITS.backoffMsMax);
  return {
    queue: task.queue,
    name: task.name,
    url: checkUrl(task.url, origins),
    body: checkBody(task.body),
    headers: checkHeaders(task.headers ?? {}, task.body !== undefined),
    scheduleAt: checkSchedule(task.scheduleAt, now),
    attemptsMax,
    backoffMs: { min: backoffMs.min, max: backoffMs.max },
    timeoutMs,
  };
}

const bad = (why: string, cause?: unknown): TasksError =>
  new TasksError('TASKS_BAD_TASK', `bad task: ${why}`, { cause });

function inRange(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw bad(`${name} must be a whole number from ${min} to ${max}`);
}

/** An allowlist in the form that `checkTask` takes. Throws a TypeError for what is no URL: a matter of configuration. */
export const allowlist = (origins: readonly string[]): string[] => origins.map((origin) => new URL(origin).origin);

/** Also asked before each call: the allowlist may have shrunk since the task was stored. */
export function checkUrl(text: string, origins: readonly string[]): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw bad('url is not absolute', cause);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw bad('url must be http or https');
  if (url.username || url.password) throw bad('url must not carry credentials');
  if (!origins.includes(url.origin)) throw bad(`${url.origin} is not an allowed origin`);
  url.hash = '';
  if (url.href.length > LIMITS.urlBytesMax) throw bad(`url is longer than ${LIMITS.urlBytesMax} bytes`);
  return url.href;
}

function checkBody(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  let text: string | undefined;
  try {
    text = JSON.stringify(body);
  } catch (cause) {
    throw bad('body cannot be written as JSON', cause);
  }
  if (text === undefined) throw bad('body cannot be written as JSON');
  if (Buffer.byteLength(text) > LIMITS.bodyBytesMax) throw bad(`body is longer than ${LIMITS.bodyBytesMax} bytes`);
  return text;
}

function checkHeaders(headers: Readonly<Record<string, string>>, hasBody: boolean): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  if (entries.length > LIMITS.headersMax) throw bad(`more than ${LIMITS.headersMax} headers`);
  let bytes = 0;
  for (const [name, value] of entries) {
    if (!FIELD_NAME.test(name)) throw bad(`${JSON.stringify(name)} is not a header name`);
    if (typeof value !== 'string' || !FIELD_VALUE.test(value)) throw bad(`header ${name} holds what no header may`);
    if (RESERVED.test(name)) throw bad(`header ${name} is not the caller's to set`);
    bytes += name.length + value.length;
  }
  if (bytes > LIMITS.headerBytesMax) throw bad(`headers are longer than ${LIMITS.headerBytesMax} bytes`);
  if (new Set(entries.map(([name]) => name)).size < entries.length) throw bad('a header is given twice');
  return { ...(hasBody && { 'content-type': 'application/json' }), ...Object.fromEntries(entries) };
}

function checkSchedule(scheduleAt: Date | undefined, now: number): Date | undefined {
  if (scheduleAt === undefined) return undefined;
  if (!(scheduleAt.getTime() <= now + LIMITS.scheduleAheadMsMax))
    throw bad('scheduleAt must be a time at most 30 days ahead');
  return scheduleAt;
}
