import pino from 'pino';
import { activeTrace } from './context';
import { logOutput, type LogOutput } from './log-output';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Scalars and errors; an object or a buffer is reduced to its kind, because that is how payloads leak. */
export type LogFields = Record<string, unknown>;

export interface LogMethod {
  (message: string): void;
  (fields: LogFields, message: string): void;
}

/** What services log through; pino behind it. */
export interface Logger {
  trace: LogMethod;
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
  fatal: LogMethod;
  level: string;
  isLevelEnabled(level: string): boolean;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly service: string;
  readonly level?: LogLevel;
  /** Names of string fields allowed beside LOG_FIELDS. */
  readonly fields?: readonly string[];
  /** Where lines go; standard output by default. */
  readonly destination?: { write(line: string): void };
}

/**
 * Names whose string values may be logged. Numbers and booleans may have any name; strings under other names are left
 * out and their names listed in `omitted`, so that no event's content reaches a log by accident.
 */
export const LOG_FIELDS: readonly string[] = [
  'address',
  'appendId',
  'attempt',
  'batchId',
  'cause',
  'code',
  'component',
  'context',
  'contract',
  'contractVersion',
  'database',
  'destination',
  'engine',
  'epoch',
  'event',
  'eventId',
  'eventType',
  'file',
  'from',
  'group',
  'hint',
  'host',
  'ingestionId',
  'jobId',
  'key',
  'level',
  'lineId',
  'mart',
  'memberId',
  'method',
  'migration',
  'mode',
  'msg',
  'name',
  'operation',
  'outcome',
  'partition',
  'path',
  'phase',
  'pid',
  'position',
  'producerId',
  'reason',
  'requestId',
  'resource',
  'role',
  'route',
  'rule',
  'schema',
  'service',
  'signal',
  'source',
  'spanId',
  'stage',
  'state',
  'status',
  'step',
  'subject',
  'table',
  'task',
  'tenantId',
  'to',
  'topic',
  'traceId',
  'url',
  'version',
  'worker',
];

/** Characters of one string value; the rest is cut off. */
const VALUE_CHARS_MAX = 512;
const STACK_CHARS_MAX = 8_192;

/**
 * `scheme://user:password@host`, for leaving out the middle. The lengths are bounded: unbounded, a long text without
 * any URL takes quadratic time.
 */
const CREDENTIALS = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^/\s]{0,512}@/gi;
const SCANNED_CHARS_MAX = 65_536;

/** Text without the credentials of any URL in it, cut to a bounded length. */
export function scrub(text: string, charsMax = VALUE_CHARS_MAX): string {
  const scanned = text.length > SCANNED_CHARS_MAX ? text.slice(0, SCANNED_CHARS_MAX) : text;
  const plain = scanned.includes('://') ? scanned.replace(CREDENTIALS, '$1') : scanned;
  return plain.length > charsMax ? `${plain.slice(0, charsMax)}…` : plain;
}

interface LoggedError {
  type: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: LoggedError;
}

function describeError(error: Error, depth = 0): LoggedError {
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    message: scrub(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    ...(error.stack ? { stack: scrub(error.stack, STACK_CHARS_MAX) } : {}),
    ...(error.cause instanceof Error && depth < 4 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

function kindOf(value: object): string {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return Array.isArray(value) ? `[array of ${value.length}]` : `[${value.constructor?.name ?? 'object'}]`;
}

/** Keeps what may be logged; see LOG_FIELDS. */
function allow(fields: Record<string, unknown>, allowed: ReadonlySet<string>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  let omitted: string[] | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) out[name] = value;
    else if (typeof value === 'bigint') out[name] = value.toString();
    else if (value instanceof Error) out[name === 'err' ? 'error' : name] = describeError(value);
    else if (value instanceof Date) out[name] = Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
    else if (typeof value === 'string') {
      if (allowed.has(name)) out[name] = scrub(value);
      else (omitted ??= []).push(name);
    } else if (typeof value === 'object') out[name] = kindOf(value);
  }
  if (omitted) out['omitted'] = omitted.join(',');
  return out;
}

let output: LogOutput | undefined;

/** Of the whole process, whose end it does not outlast. */
function standardOutput(): LogOutput {
  if (output) return output;
  // Asked for by name, it is opened, and a pipe does not block from then on.
  const made = logOutput(process.stdout.fd ?? 1);
  process.on('exit', () => made.flushSync());
  return (output = made);
}

/**
 * A JSON logger: one line an entry, ISO time, level by name, the service, and the trace and span ids of the active
 * trace. Field values are scalars or errors; see LOG_FIELDS for which strings are let through.
 */
export function createLogger(options: LoggerOptions): Logger {
  const allowed = new Set([...LOG_FIELDS, ...(options.fields ?? [])]);
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => allow(fields, allowed),
    },
    mixin: () => activeTrace() ?? {},
  };
  const logger = pino(settings, options.destination ?? standardOutput());
  // pino applies no formatter of ours to the fields of a child.
  const { child } = logger;
  logger.child = function (this: pino.Logger, fields: pino.Bindings, options?: object) {
    return child.call(this, allow(fields, allowed), options);
  } as typeof child;
  return logger as unknown as Logger;
}
