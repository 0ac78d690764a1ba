/**
 * One setting: where it comes from, what it accepts, what it is when absent.
 * A value is read from the first of `env` that is set; a variable that is set to nothing counts as not set.
 */
export interface Field<T> {
  readonly env: readonly string[];
  /** A sentence for people: what it accepts, with unit and bounds. */
  readonly accepts: string;
  readonly doc: string;
  readonly unit?: string;
  /** Never printed, neither in errors nor in the log. */
  readonly secret: boolean;
  readonly required: boolean;
  /** The default as one would write it in the environment. */
  readonly defaultText?: string;
  /** Shown in config/reference.env where there is no default. */
  readonly example: string;
  /** Throws nothing: what is not accepted is `Refused`. */
  parse(text: string): T | Refused;
}

/** Why a value is not accepted, where that says more than `accepts` alone. */
export class Refused {
  constructor(readonly why?: string) {}
}

export interface FieldOptions<T> {
  readonly env: string | readonly string[];
  readonly doc?: string;
  readonly default?: T;
  /** May be absent without having a default; then its value is undefined. */
  readonly optional?: boolean;
  readonly secret?: boolean;
  readonly example?: string;
}

/** What a field yields: undefined only where it is optional and has no default. */
export type Value<T, O> = O extends { optional: true } ? (O extends { default: T } ? T : T | undefined) : T;

export interface FieldKind<T> {
  readonly accepts: string;
  readonly example: string;
  readonly unit?: string;
  parse(text: string): T | Refused;
  format(value: T): string;
}

const NAME = /^[A-Z][A-Z0-9_]*$/;

/** Makes a field of a kind. A wrong definition (a bad name, a default outside of the bounds) is a bug and throws. */
export function field<T, O extends FieldOptions<T>>(kind: FieldKind<T>, options: O): Field<Value<T, O>> {
  const env = typeof options.env === 'string' ? [options.env] : options.env;
  if (env.length === 0) throw new Error('a setting needs the name of a variable');
  for (const name of env) if (!NAME.test(name)) throw new Error(`${name} is no name for an environment variable`);
  const defaultText = options.default === undefined ? undefined : kind.format(options.default);
  if (defaultText !== undefined && kind.parse(defaultText) instanceof Refused) {
    throw new Error(`${env[0]}: the default ${defaultText} is not ${kind.accepts}`);
  }
  return {
    env,
    accepts: kind.accepts,
    doc: options.doc ?? '',
    unit: kind.unit,
    secret: options.secret ?? false,
    required: options.optional !== true && defaultText === undefined,
    defaultText,
    example: options.example ?? defaultText ?? kind.example,
    parse: (text) => kind.parse(text) as Value<T, O> | Refused,
  };
}
