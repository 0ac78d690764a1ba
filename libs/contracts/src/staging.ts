import { type ContractColumn, holdsRestricted } from './columns';
import type { Property } from './model';
import { formatJsonPath } from './property-path';

/**
 * How DuckDB turns a payload into typed columns, without ever coercing one value into another.
 *
 * Left to itself `from_json` turns "12", 1.6 and true into 12, 2 and 1, an out-of-range number, an impossible date and a
 * lower-case `t` into NULL, 12 into "12", and a text where an object belongs into an object of NULLs. So leaves are
 * parsed as JSON or text only, and each column's expression checks what it sees before it casts; what does not fit raises
 * an error that names the column. Payloads that keep their contract never do. For the 13 columns of the shipment contract
 * the checks cost 0.05 CPU seconds per 100,000 events, beside 0.08 to parse and 0.05 to cast.
 *
 * The connection must have `SET TimeZone='UTC'`.
 */
export interface Staging {
  /** Structure for `from_json(payload, '<typedStruct>')`, ready to be put between quotes. */
  readonly typedStruct: string;
  /** One `<expression> AS "<column>"` per column, over a column `p` that holds the parsed payload. */
  readonly typedSelect: readonly string[];
  /** The same, but null where a value does not fit, instead of an error. */
  readonly lenientSelect: readonly string[];
  /**
   * What `lenientSelect` leaves out: a JSON object of the values by their JSON path, or null where there are none. Over
   * `p` and a column `payload` that holds the payload's text. What is restricted is not in it.
   */
  readonly recovered: string;
}

export function staging(columns: readonly ContractColumn[]): Staging {
  return {
    typedStruct: sqlText(JSON.stringify(structure(columns, 0))),
    typedSelect: columns.map((column) => `${expression(column, columns, STRICT)} AS "${column.name}"`),
    lenientSelect: columns.map((column) => `${expression(column, columns, LENIENT)} AS "${column.name}"`),
    recovered: recovered(columns),
  };
}

/** What is done about a value that does not fit. */
interface Mode {
  readonly cast: 'CAST' | 'TRY_CAST';
  fail(column: ContractColumn, what: string): string;
}

const STRICT: Mode = { cast: 'CAST', fail: (column, what) => `error('column ${column.name} ${what}')` };
const LENIENT: Mode = { cast: 'TRY_CAST', fail: () => 'NULL' };

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
};

/** One `<expression> AS "<column>"` per enriched column, over a column `enriched` with the JSON text of an object. */
export const enrichedSelect = (columns: readonly { readonly name: string; readonly type: string }[]): string[] =>
  columns.map(({ name, type }) => `CAST(enriched->>'$.${name}' AS ${DUCKDB_TYPES[type]}) AS "${name}"`);

type Structure = { [name: string]: Structure | string };

/** The structure of what lies below `depth` objects, down to leaves and to objects that are parsed one by one. */
function structure(columns: readonly ContractColumn[], depth: number): Structure {
  const fields: Structure = {};
  for (const column of columns) {
    const object = column.within[depth] as Property | undefined;
    if (!object) fields[column.property.name] = leafType(column);
    else if (isLoose(object, columns)) fields[object.name] = 'JSON';
    else fields[object.name] ??= structure(inside(object, columns), depth + 1);
  }
  return fields;
}

const inside = (object: Property, columns: readonly ContractColumn[]): readonly ContractColumn[] =>
  columns.filter((column) => column.within.includes(object));

/** No column would notice if something else stood in the place of this object: it has to be looked at. */
function isLoose(object: Property, columns: readonly ContractColumn[]): boolean {
  return !columns.some((column) => {
    const depth = column.within.indexOf(object);
    return depth >= 0 && [...column.within.slice(depth + 1), column.property].every(({ required }) => required);
  });
}

/** Dates and timestamps are matched as text, whatever they were; other leaves keep their JSON form, which tells types apart. */
const leafType = ({ type }: ContractColumn): string => (type === 'date' || type === 'timestamp' ? 'VARCHAR' : 'JSON');

function expression(column: ContractColumn, columns: readonly ContractColumn[], mode: Mode): string {
  const fail = mode.fail;
  let sql = 'p';
  let missing = fail(column, 'is missing');
  column.within.forEach((object, index) => {
    sql += field(object.name);
    if (isLoose(object, columns)) {
      const parsed = sqlText(JSON.stringify(structure(inside(object, columns), index + 1)));
      const checked = `CASE WHEN ${sql} IS NULL THEN NULL WHEN starts_with(${text(sql)}, '{') THEN ${sql} ELSE ${fail(column, 'lies in no object')} END`;
      sql = `from_json(${checked}, '${parsed}')`;
    }
    if (!object.required) missing = `CASE WHEN ${sql} IS NULL THEN NULL ELSE ${fail(column, 'is missing')} END`;
  });
  const leaf = sql + field(column.property.name);
  if (!column.property.required) missing = 'NULL';
  const cases = casesOf(column, leaf, mode).map(([when, then]) => `WHEN ${when} THEN ${then}`);
  return `CASE WHEN ${leaf} IS NULL THEN ${missing} ${cases.join(' ')} ELSE ${fail(column, `is no ${column.type}`)} END`;
}

const DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const TIMESTAMP = `${DATE}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})`;
/** A whole double below 2^63 converts exactly. */
const INT64_END = '9223372036854775808';

/** What the leaf must look like, and its value then. A cast of other text, such as "12" with its quotes, raises by itself. */
function casesOf(
  column: ContractColumn,
  leaf: string,
  { cast }: Mode,
): readonly (readonly [when: string, then: string])[] {
  const json = text(leaf);
  const number = `${cast}(${json} AS DOUBLE)`;
  switch (column.type) {
    case 'date':
      return [[`regexp_full_match(${leaf}, '${DATE}')`, `${cast}(${leaf} AS DATE)`]];
    case 'timestamp':
      return [[`regexp_full_match(${leaf}, '${TIMESTAMP}')`, `${cast}(upper(${leaf}) AS TIMESTAMPTZ)`]];
    case 'boolean':
      return ['true', 'false'].map((value) => [`${json} = '${value}'`, value] as const);
    case 'long':
    case 'integer': {
      const type = column.type === 'long' ? 'BIGINT' : 'INTEGER';
      return [
        [`regexp_full_match(${json}, '-?[0-9]+')`, `${cast}(${json} AS ${type})`],
        [`${number} = trunc(${number}) AND abs(${number}) < ${INT64_END}`, `${cast}(${number} AS ${type})`],
      ];
    }
    case 'double':
      return [[`isfinite(${number})`, number]];
    case 'string':
      if (column.property.anyValue) return [['true', `${leaf}->>'$'`]];
      if (column.property.logicalType === 'array') return [[`starts_with(${json}, '[')`, json]];
      if (column.property.logicalType === 'object') return [[`starts_with(${json}, '{')`, json]];
      return [[`starts_with(${json}, '"')`, `${leaf}->>'$'`]];
    default: {
      // A decimal: the cast rounds, so its result is compared with what was sent.
      const decimal = `${cast}(${number} AS ${column.type.toUpperCase()})`;
      return [[`CAST(${decimal} AS DOUBLE) = ${number}`, decimal]];
    }
  }
}

const text = (json: string): string => `CAST(${json} AS VARCHAR)`;
const field = (name: string): string => `['${sqlText(name)}']`;
const sqlText = (value: string): string => value.replaceAll("'", "''");

function recovered(columns: readonly ContractColumn[]): string {
  const objects = new Map<string, readonly string[]>();
  for (const { within } of columns)
    for (const [depth, object] of within.entries()) {
      const path = within.slice(0, depth + 1).map(({ name }) => name);
      if (!holdsRestricted(object)) objects.set(JSON.stringify(path), path);
    }
  const members = [
    `CASE WHEN json_type(payload) <> 'OBJECT' THEN ${member([], 'payload')} END`,
    ...[...objects.values()].map((path) => {
      const at = pointer(path);
      return `CASE WHEN json_type(payload, ${at}) NOT IN ('OBJECT', 'NULL') THEN ${member(path, text(`json_extract(payload, ${at})`))} END`;
    }),
    ...columns.map((column) => {
      const raw = text(`json_extract(payload, ${pointer(column.path)})`);
      const fits = `(${expression(column, columns, LENIENT)}) IS NOT NULL`;
      return `CASE WHEN ${fits} OR coalesce(${raw}, 'null') = 'null' THEN NULL ELSE ${member(column.path, raw)} END`;
    }),
  ];
  return `nullif('{' || concat_ws(',', ${members.join(', ')}) || '}', '{}')`;
}

const member = (path: readonly string[], value: string): string =>
  `'${sqlText(`${JSON.stringify(formatJsonPath(['payload', ...path]))}:`)}' || ${value}`;

/** RFC 6901, which has a way to write every name. */
const pointer = (path: readonly string[]): string =>
  `'${sqlText(path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''))}'`;
