import type { Readable } from 'node:stream';
import pc from 'picocolors';

/** One line that a child wrote. */
export interface ChildLine {
  readonly process: string;
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
}

const LINE_CHARS_MAX = 64 * 1024;

/** Calls `onLine` for each line of a stream; a line beyond 64 Ki characters is delivered in pieces. */
export function readLines(stream: Readable, onLine: (text: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) onLine(line);
    if (rest.length > LINE_CHARS_MAX) {
      onLine(rest);
      rest = '';
    }
  });
  stream.on('end', () => {
    if (rest) onLine(rest);
    rest = '';
  });
}

type Colors = ReturnType<typeof pc.createColors>;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const PALETTE = ['cyan', 'magenta', 'green', 'blue', 'yellow', 'gray'] as const;
/** In every line of a service, and told by the prefix already. */
const LEFT_OUT = new Set(['level', 'time', 'msg', 'service', 'pid', 'hostname', 'name', 'error', 'err', 'spanId', 'v']);

/** The severity of a log line, by name or by pino's number; `info` for a line that is no JSON log entry. */
export function levelOf(text: string): string {
  const entry = parseEntry(text);
  return entry ? levelName(entry['level']) : 'info';
}

/** What an entry says of a failure, in a line; null for entries below `error` and for what is no entry. */
export function failureIn(text: string): string | null {
  const entry = text.includes('"level"') ? parseEntry(text) : null;
  if (!entry || !['error', 'fatal'].includes(levelName(entry['level']))) return null;
  const error = describeError(entry['error'] ?? entry['err']);
  return `${String(entry['msg'] ?? '')}${error ? `: ${error}` : ''}`;
}

/** Whether a line only says that somebody looked whether the service is up. */
export function isProbe(text: string): boolean {
  const entry =
    text.includes('"/readiness"') || text.includes('"/health"') || text.includes('"/liveness"')
      ? parseEntry(text)
      : null;
  return entry?.['msg'] === 'request';
}

/** Makes the function that turns a child's line into what a person reads: `09:41:07 curation-worker  WARN  text key=value`. */
export function createLineRenderer(names: readonly string[], colors: Colors): (line: ChildLine) => string {
  const width = Math.max(...names.map((name) => name.length));
  const prefixOf = new Map(names.map((name, i) => [name, colors[PALETTE[i % PALETTE.length]](name.padEnd(width))]));
  const paintLevel: Record<string, (text: string) => string> = {
    warn: colors.yellow,
    error: colors.red,
    fatal: (text) => colors.bold(colors.red(text)),
  };
  return ({ process: name, text }) => {
    const prefix = prefixOf.get(name) ?? name.padEnd(width);
    const entry = parseEntry(text);
    if (!entry) return `${prefix}  ${text}`;
    const level = levelName(entry['level']);
    const fields = Object.entries(entry)
      .filter(([key, value]) => !LEFT_OUT.has(key) && value !== null && value !== '')
      .map(([key, value]) => colors.dim(`${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`));
    const failure = entry['error'] ?? entry['err'];
    const error = describeError(failure);
    // What ends a process is worth its stack.
    const stack = level === 'fatal' ? (failure as { stack?: string } | undefined)?.stack : undefined;
    return [
      colors.dim(timeOfDay(entry['time'])),
      prefix,
      (paintLevel[level] ?? colors.dim)(level.toUpperCase().padEnd(5)),
      String(entry['msg'] ?? ''),
      ...fields,
      ...(error ? [colors.red(error)] : []),
      ...(stack ? [`\n${colors.dim(stack)}`] : []),
    ].join(' ');
  };
}

function parseEntry(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'level' in value ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const levelName = (level: unknown): string =>
  typeof level === 'number' ? (LEVELS[Math.min(Math.max(Math.floor(level / 10) - 1, 0), 5)] as string) : String(level);

function timeOfDay(time: unknown): string {
  const at = new Date(time as string | number);
  return Number.isNaN(at.getTime()) ? '--:--:--' : at.toTimeString().slice(0, 8);
}

function describeError(error: unknown): string | null {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null) return null;
  const { type, message, code, cause } = error as { type?: string; message?: string; code?: string; cause?: unknown };
  const because = cause ? describeError(cause) : null;
  return `${code ?? type ?? 'Error'}: ${message ?? ''}${because ? ` (${because})` : ''}`;
}
