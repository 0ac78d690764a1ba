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
 * Objects that have to be looked at are parsed by themselves, one level after another, into columns that expressions
 * share: each written out where it is used made a statement of 450 KB for 89 nested columns, and four seconds of planning.
 *
 * The connection must have `SET TimeZone='UTC'`.
 */
export interface Staging {
  /** A SELECT of some rows with what `typedSelect` reads. `rows` is a relation with a column `payload`, the payload's text. */
  typedRows(rows: string): string;
  /** One `<expression> AS "<column>"` per column, over `typedRows`. */
  readonly typedSelect: readonly string[];
  /** As `typedRows`, for `lenientSelect` and `recovered`. */
  lenientRows(rows: string): string;
  /** As `typedSelect`, but null where a value does not fit, instead of an error. */
  readonly lenientSelect: readonly string[];
  /**
   * What `lenientSelect` leaves out: a JSON object of the values by their JSON path, or null where there are none. What
   * is restricted is not in it.
   */
  readonly recovered: string;
}

export function staging(columns: readonly ContractColumn[]): Staging {
  const objects = looseObjects(columns);
  const parsed = `from_json(payload, '${sqlText(JSON.stringify(structure(columns, 0)))}')`;
  const over = (p: string, levels: readonly (readonly string[])[], rows: string): string =>
    levels.reduce((sql, level) => `SELECT *, ${level.join(', ')} FROM (${sql})`, `SELECT *, ${p} AS p FROM ${rows}`);
  const lenient = columns.map((column, i) => `${expression(column, objects, LENIENT)} AS ${valueName(i)}`);
  const lenientLevels = [...levelsOf(objects, LENIENT), ...(lenient.length > 0 ? [lenient] : [])];
  return {
    typedRows: (rows) => over(parsed, levelsOf(objects, STRICT), rows),
    typedSelect: columns.map((column) => `${expression(column, objects, STRICT)} AS "${column.name}"`),
    lenientRows: (rows) => over(`CASE WHEN json_type(payload) = 'OBJECT' THEN ${parsed} END`, lenientLevels, rows),
    lenientSelect: columns.map((column, i) => `${valueName(i)} AS "${column.name}"`),
    recovered: recovered(columns),
  };
}

/** Of a column's value in `lenientRows`, which is both selected and looked at for what is recovered. */
const valueName = (i: number): string => `v_${i}`;

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

/** An object that is parsed by itself, into a column of its own. */
interface LooseObject {
  readonly alias: string;
  /** Of how many others it is within. */
  readonly level: number;
  /** Where it is before it is parsed. */
  readonly source: string;
  /** For `from_json`. */
  readonly structure: string;
  /** A column that lies in it. */
  readonly column: ContractColumn;
}

type LooseObjects = ReadonlyMap<Property, LooseObject>;

function looseObjects(columns: readonly ContractColumn[]): LooseObjects {
  const found = new Map<Property, LooseObject>();
  for (const column of columns) {
    let [sql, level] = ['p', 0];
    for (const [depth, object] of column.within.entries()) {
      sql += field(object.name);
      if (!isLoose(object, columns)) continue;
      let loose = found.get(object);
      if (!loose) {
        const below = sqlText(JSON.stringify(structure(inside(object, columns), depth + 1)));
        loose = { alias: `p_${found.size + 1}`, level, source: sql, structure: below, column };
        found.set(object, loose);
      }
      sql = loose.alias;
      level++;
    }
  }
  return found;
}

/** What parses the objects, those within no other first. */
function levelsOf(objects: LooseObjects, { fail }: Mode): readonly (readonly string[])[] {
  const levels: string[][] = [];
  for (const { alias, level, source, structure: below, column } of objects.values()) {
    const checked = `CASE WHEN ${source} IS NULL THEN NULL WHEN starts_with(${text(source)}, '{') THEN ${source} ELSE ${fail(column, 'lies in no object')} END`;
    (levels[level] ??= []).push(`from_json(${checked}, '${below}') AS ${alias}`);
  }
  return levels;
}

function expression(column: ContractColumn, objects: LooseObjects, mode: Mode): string {
  const fail = mode.fail;
  let sql = 'p';
  let missing = fail(column, 'is missing');
  for (const object of column.within) {
    sql = objects.get(object)?.alias ?? sql + field(object.name);
    if (!object.required) missing = `CASE WHEN ${sql} IS NULL THEN NULL ELSE ${fail(column, 'is missing')} END`;
  }
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
    ...columns.map((column, i) => {
      // Nothing and null leave nothing out, and what is joined with NULL is NULL.
      const raw = `nullif(${text(`json_extract(payload, ${pointer(column.path)})`)}, 'null')`;
      return `CASE WHEN ${valueName(i)} IS NULL THEN ${member(column.path, raw)} END`;
    }),
  ];
  return `nullif('{' || concat_ws(',', ${members.join(', ')}) || '}', '{}')`;
}

const member = (path: readonly string[], value: string): string =>
  `'${sqlText(`${JSON.stringify(formatJsonPath(['payload', ...path]))}:`)}' || ${value}`;

/** RFC 6901, which has a way to write every name. */
const pointer = (path: readonly string[]): string =>
  `'${sqlText(path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''))}'`;
