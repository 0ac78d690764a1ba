import path from 'node:path';
import { type Field, field, type FieldOptions, Refused, type Value } from './field';
import { BYTES, DURATION, formatQuantity, parseQuantity, type Units } from './quantity';

interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

function between({ min, max }: Bounds, show: (n: number) => string = String): string {
  if (min !== undefined && max !== undefined) return ` from ${show(min)} to ${show(max)}`;
  if (min !== undefined) return ` of at least ${show(min)}`;
  return max === undefined ? '' : ` of at most ${show(max)}`;
}

function within(value: number, { min = -Infinity, max = Infinity }: Bounds): number | Refused {
  return value >= min && value <= max ? value : new Refused();
}

/** A decimal integer, within the safe range of a number. */
export function integer<const O extends FieldOptions<number> & Bounds & { unit?: string }>(
  options: O,
): Field<Value<number, O>> {
  const accepts = `an integer${between(options)}${options.unit ? ` (${options.unit})` : ''}`;
  return field<number, O>(
    {
      accepts,
      unit: options.unit,
      example: String(options.min ?? 1),
      format: String,
      parse: (text) => {
        if (!/^[+-]?\d{1,16}$/.test(text)) return new Refused();
        const value = Number(text);
        return Number.isSafeInteger(value) ? within(value, options) : new Refused();
      },
    },
    options,
  );
}

/** A decimal number, such as a ratio. */
export function number<const O extends FieldOptions<number> & Bounds & { unit?: string }>(
  options: O,
): Field<Value<number, O>> {
  return field<number, O>(
    {
      accepts: `a number${between(options)}${options.unit ? ` (${options.unit})` : ''}`,
      unit: options.unit,
      example: String(options.min ?? 1),
      format: String,
      parse: (text) => (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? within(Number(text), options) : new Refused()),
    },
    options,
  );
}

/** A TCP port; 0 lets the system choose. */
export function port<const O extends FieldOptions<number>>(options: O): Field<Value<number, O>> {
  return field<number, O>(
    {
      accepts: 'a TCP port from 0 to 65535 (0: any free one)',
      example: '8080',
      format: String,
      parse: (text) => (/^\d{1,5}$/.test(text) ? within(Number(text), { min: 0, max: 65535 }) : new Refused()),
    },
    options,
  );
}

function quantity<const O extends FieldOptions<number> & Bounds>(
  units: Units,
  what: string,
  options: O,
): Field<Value<number, O>> {
  return field<number, O>(
    {
      accepts: `${what}${between(options, (n) => formatQuantity(n, units))}`,
      example: formatQuantity(options.min || units.sample, units),
      format: (value) => formatQuantity(value, units),
      parse: (text) => {
        const value = parseQuantity(text, units);
        return value === undefined ? new Refused() : within(value, options);
      },
    },
    options,
  );
}

/** A size in bytes, e.g. `16MiB`; the value is a number of bytes. */
export function bytes<const O extends FieldOptions<number> & Bounds>(options: O): Field<Value<number, O>> {
  return quantity(BYTES, 'a size such as 512KiB, 16MiB, 2GiB or a plain number of bytes,', options);
}

/** A span of time, e.g. `250ms`; the value is in milliseconds. The unit is required: `30` could mean anything. */
export function duration<const O extends FieldOptions<number> & Bounds>(options: O): Field<Value<number, O>> {
  return quantity(DURATION, 'a duration such as 250ms, 5s, 10m, 2h or 30d,', options);
}

/** Text without control characters. */
export function string<
  const O extends FieldOptions<string> & { pattern?: RegExp; accepts?: string; charsMin?: number; charsMax?: number },
>(options: O): Field<Value<string, O>> {
  const { charsMin = 1, charsMax = 4096, pattern } = options;
  return field<string, O>(
    {
      accepts:
        options.accepts ?? (pattern ? `text that matches ${pattern}` : `text of ${charsMin} to ${charsMax} characters`),
      example: 'text',
      format: String,
      parse: (text) =>
        // eslint-disable-next-line no-control-regex
        text.length < charsMin || text.length > charsMax || /[\0-\x1f\x7f]/.test(text) || pattern?.test(text) === false
          ? new Refused()
          : text,
    },
    options,
  );
}

/** One of a closed list, exactly as written there. */
export function oneOf<const V extends string, const O extends FieldOptions<NoInfer<V>> & { values: readonly V[] }>(
  options: O & { values: readonly V[] },
): Field<Value<V, O>> {
  return field<V, O>(
    {
      accepts: `one of ${options.values.join(', ')}`,
      example: options.values[0],
      format: String,
      parse: (text) => options.values.find((value) => value === text) ?? new Refused(),
    },
    options,
  );
}

export function boolean<const O extends FieldOptions<boolean>>(options: O): Field<Value<boolean, O>> {
  const words: Record<string, boolean> = { true: true, '1': true, false: false, '0': false };
  return field<boolean, O>(
    {
      accepts: 'true or false',
      example: 'true',
      format: String,
      parse: (text) => (Object.hasOwn(words, text) ? words[text] : new Refused()),
    },
    options,
  );
}

/** An absolute URL, optionally of certain schemes (`postgres:`); the value is the text as given. */
export function url<const O extends FieldOptions<string> & { schemes?: readonly string[] }>(
  options: O,
): Field<Value<string, O>> {
  const { schemes } = options;
  return field<string, O>(
    {
      accepts: schemes ? `a URL beginning with ${schemes.map((s) => `${s}//`).join(' or ')}` : 'an absolute URL',
      example: `${schemes?.[0] ?? 'http:'}//127.0.0.1`,
      format: String,
      parse: (text) => {
        if (!URL.canParse(text)) return new Refused();
        return schemes && !schemes.includes(new URL(text).protocol) ? new Refused() : text;
      },
    },
    options,
  );
}

/** A path of the file system; relative ones are taken from the working directory, the value is absolute. */
export function filePath<const O extends FieldOptions<string>>(options: O): Field<Value<string, O>> {
  return field<string, O>(
    {
      accepts: 'a path of a file or folder',
      example: '/var/lib/millrace',
      format: String,
      parse: (text) => (text.includes('\0') ? new Refused() : path.resolve(text)),
    },
    options,
  );
}
