import {
  BIGINT,
  DuckDBArrayValue,
  DuckDBBitValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBUnionValue,
  type DuckDBValue,
  HUGEINT,
} from '@duckdb/node-api';

export type DuckScalar = null | boolean | number | bigint | string | Buffer;
export type DuckResultValue = DuckScalar | DuckResultValue[] | { [field: string]: DuckResultValue };
export type DuckRow = Record<string, DuckResultValue>;
export type DuckParameter = null | boolean | number | bigint | string | Buffer | Date;

/**
 * DuckDB's values as JavaScript's, nothing lost: integers are numbers, beyond 2^53 - 1 bigints; DECIMAL is a string
 * with its digits; DATE `YYYY-MM-DD`; TIMESTAMP and TIMESTAMPTZ ISO-8601 with six digits, the latter in UTC with `Z`;
 * BLOB a Buffer; LIST an array; STRUCT an object; MAP an array of `{key, value}`; UUID, TIME and INTERVAL text.
 */
export function fromDuck(value: DuckDBValue): DuckResultValue {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? integer(value) : value;
  if (value instanceof DuckDBDecimalValue || value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBTimestampTZValue) return isoMicros(value.micros, 'Z');
  if (value instanceof DuckDBTimestampValue) return isoMicros(value.micros, '');
  if (value instanceof DuckDBTimestampSecondsValue) return isoMicros(value.seconds * 1_000_000n, '');
  if (value instanceof DuckDBTimestampMillisecondsValue) return isoMicros(value.millis * 1_000n, '');
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.toString().replace(' ', 'T');
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(fromDuck);
  if (value instanceof DuckDBStructValue) return fields(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({ key: fromDuck(entry.key), value: fromDuck(entry.value) }));
  }
  if (value instanceof DuckDBUnionValue) return fromDuck(value.value);
  if (value instanceof DuckDBBitValue) return value.toString();
  return String(value);
}

/** `__proto__` is a column like any other: it must not reach an object's prototype. */
export function fields(entries: readonly (readonly [string, DuckDBValue])[]): { [field: string]: DuckResultValue } {
  return Object.fromEntries(entries.map(([name, value]) => [name, fromDuck(value)]));
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const integer = (value: bigint): number | bigint => (value <= SAFE && value >= -SAFE ? Number(value) : value);

const MICROS_OF_DAY = 86_400_000_000n;

/** Years beyond 9999 and before 0 carry a sign and six digits, as in ECMA-262; DuckDB's infinities stay words. */
function isoMicros(micros: bigint, zone: string): string {
  if (micros === 9223372036854775807n) return 'infinity';
  if (micros === -9223372036854775807n) return '-infinity';
  let day = micros / MICROS_OF_DAY;
  if (micros % MICROS_OF_DAY < 0n) day -= 1n;
  const inDay = micros - day * MICROS_OF_DAY;
  const date = new DuckDBDateValue(Number(day)).toString();
  const seconds = inDay / 1_000_000n;
  const two = (n: bigint): string => String(n).padStart(2, '0');
  const time = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  return `${date}T${time}.${String(inDay % 1_000_000n).padStart(6, '0')}${zone}`;
}

/** Parameters with types that keep comparisons exact: whole numbers go as BIGINT, which DuckDB pushes into scans. */
export function toDuck(parameters: readonly DuckParameter[]): { values: DuckDBValue[]; types: DuckDBType[] } {
  const types: DuckDBType[] = [];
  const values = parameters.map((parameter, i): DuckDBValue => {
    if (typeof parameter === 'number' && Number.isSafeInteger(parameter)) {
      types[i] = BIGINT;
      return BigInt(parameter);
    }
    if (typeof parameter === 'bigint') {
      types[i] = BigInt.asIntN(64, parameter) === parameter ? BIGINT : HUGEINT;
      return parameter;
    }
    if (parameter instanceof Date) return new DuckDBTimestampTZValue(BigInt(parameter.getTime()) * 1_000n);
    if (Buffer.isBuffer(parameter)) return new DuckDBBlobValue(parameter);
    return parameter as Exclude<DuckParameter, Date | Buffer>;
  });
  return { values, types };
}
