import { LOG_LEVELS } from '@millrace/observability';
import { accessFields, hostField } from '../access/fields';
import { type Field, Refused } from './field';
import { duration, number, oneOf, string, url } from './kinds';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a map of fields of any type
type Fields = Record<string, Field<any>>;
type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** The settings of one service: its own and those that every service has. */
export interface ConfigSchema<F extends Fields = Fields> {
  readonly fields: F;
}

export type ConfigOf<S> = S extends ConfigSchema<infer F> ? Values<F> : never;

/** What every service can be told. */
const common = {
  host: hostField({
    env: 'HOST',
    default: '127.0.0.1',
    doc: 'Address to listen on. One that others can reach takes AUTH_MODE, and whatever else the service then lacks.',
  }),
  logLevel: oneOf({ env: 'LOG_LEVEL', values: LOG_LEVELS, default: 'info', doc: 'Least severe lines to log.' }),
  otlpEndpoint: url({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schemes: ['http:', 'https:'],
    optional: true,
    example: 'http://127.0.0.1:4318',
    doc: 'OTLP/HTTP collector for traces. Without it no span is recorded; incoming traces are still carried on.',
  }),
  traceRatio: number({
    env: 'OTEL_TRACES_SAMPLER_ARG',
    min: 0,
    max: 1,
    default: 1,
    doc: 'Share of new traces to record; an incoming trace keeps its own decision.',
  }),
  shutdownMsMax: duration({
    env: 'SHUTDOWN_TIMEOUT',
    min: 1_000,
    max: 600_000,
    default: 30_000,
    doc: 'Longest time from SIGTERM to the end of the process.',
  }),
  ...accessFields,
  failpoints: string({
    env: 'MILLRACE_FAILPOINTS',
    default: '',
    charsMin: 0,
    doc: 'For tests only: where to crash, fail or stall, e.g. curation-worker/after-claims=crash@2; or folder:DIR of plans.',
  }),
};

export type CommonConfig = Values<typeof common>;

/** Declares a service's settings; those of every service (HOST, LOG_LEVEL, OTEL_*, …) are added. */
export function defineConfig<const F extends Fields>(fields: F): ConfigSchema<typeof common & F> {
  const all = { ...common, ...fields };
  const owners = new Map<string, string>();
  for (const [key, { env }] of Object.entries(all)) {
    for (const name of env) {
      if (owners.has(name)) throw new Error(`${name} is read by both ${owners.get(name)} and ${key}`);
      owners.set(name, key);
    }
  }
  return { fields: all };
}

/** Everything that is wrong with an environment, a line a variable; safe to print. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** Characters of a refused value shown back. */
const SHOWN_CHARS_MAX = 80;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads and checks every setting. Throws a ConfigError that names all that is wrong, and the value of no secret. */
export function parseConfig<F extends Fields>(schema: ConfigSchema<F>, env: Environment): Values<F> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, setting] of Object.entries(schema.fields)) {
    const name = setting.env.find((candidate) => env[candidate]);
    const text = name === undefined ? setting.defaultText : env[name];
    if (text === undefined) {
      values[key] = undefined;
      if (setting.required) problems.push(`${setting.env.join(' or ')} is not set; it accepts ${setting.accepts}`);
      continue;
    }
    const value = setting.parse(text);
    if (!(value instanceof Refused)) {
      values[key] = value;
      continue;
    }
    const cut = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
    const shown = setting.secret ? 'has a value (not shown here) that it does not accept' : `is ${JSON.stringify(cut)}`;
    problems.push(`${name} ${shown}; it accepts ${setting.accepts}${value.why ? `: ${value.why}` : ''}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Values<F>;
}
