const CODE = /^[A-Za-z0-9_]{1,60}$/;
const CAUSES_MAX = 3;
const FRAMES_MAX = 12;

/**
 * What may be told of a failure that an event met: the kinds and codes of the error and of what caused it, such as
 * `LandingError LANDING_UNAVAILABLE, of error 40001`, and where one without a code came from. Never its message: engines
 * quote the values that they choke on, and the event may be one that nobody may read.
 */
export function failureOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth <= CAUSES_MAX; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    const name = CODE.test(at.name) ? at.name : 'Error';
    const said = typeof code === 'string' && CODE.test(code) ? `${name} ${code}` : `${name}${placeOf(at)}`;
    if (parts.at(-1) !== said) parts.push(said);
  }
  return parts.join(', of ') || 'an unknown failure';
}

/** ` at file:line` of where it was thrown, if that is known. */
function placeOf(error: Error): string {
  const place = /([\w.-]{1,80}:\d+):\d+\)?$/.exec(framesOf(error)[0] ?? '');
  return place ? ` at ${place[1]}` : '';
}

/** The error for the log: what may be told of it, and where it came from. */
export function loggable(error: unknown): Error {
  const told = new Error(failureOf(error));
  const frames = error instanceof Error ? framesOf(error).slice(0, FRAMES_MAX) : [];
  told.stack = [`Error: ${told.message}`, ...frames].join('\n');
  return told;
}

/** The places of a stack, without the message that it begins with: that may have lines which look like them. */
function framesOf({ stack = '', message }: Error): string[] {
  const from = stack.indexOf(message);
  const places = from < 0 ? stack : stack.slice(from + message.length);
  return places.split('\n').filter((line) => FRAME.test(line));
}

const FRAME = /^ {4}at (?:async )?(?:[\w.<>[\] ]{1,120} \()?(?:node:|file:\/\/|\/)[^\s'"{}]{1,300}:\d+:\d+\)?$/;
