import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import { ProblemException } from '@millrace/service';
import type { LoadedRow } from './apply-load';
import { type Attribute, type AttributeType, DIMENSION_LIMITS, encodeValues, type Value } from './model';
import { fits, inferType, valueOf } from './values';

/** A load as it was sent. */
export interface SentRows {
  readonly format: 'csv' | 'json' | 'ndjson';
  readonly body: Buffer;
  /** Column of the key; null for the first column, or the one that the dimension has. */
  readonly key: string | null;
  /** Types of new attributes, where they are not to be told from their values. */
  readonly types: ReadonlyMap<string, AttributeType>;
}

/** What the dimension has before the load. */
export interface KnownColumns {
  readonly keyColumn: string;
  readonly attributes: readonly Attribute[];
}

export interface ReadRows extends KnownColumns {
  readonly rows: readonly LoadedRow[];
}

/** Columns with a meaning of their own. */
export const VALID_FROM = 'valid_from';
export const DELETED = 'is_deleted';

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Columns that the table of every dimension has. */
const TAKEN = new Set(['tenant_id', 'dimension_key', 'valid_to', 'loaded_at', 'load_date']);
const PROBLEMS_MAX = 20;
const TURN_ROWS = 5_000;
/** RFC 3339 with a zone, or a day. */
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/;

type Cells = Readonly<Record<string, unknown>>;

/**
 * Reads the rows of a load: CSV with a header (RFC 4180; an empty cell is null), an array of JSON objects, or an object a
 * line. Nothing is coerced: a column's type is that of all its values, or the one that it has already.
 *
 * @throws ProblemException 400 where the body cannot be read, 422 naming rows and columns that cannot be taken
 */
export async function readRows(sent: SentRows, known: KnownColumns | null): Promise<ReadRows> {
  const cells = sent.format === 'csv' ? await readCsv(sent.body) : readJson(sent.body, sent.format);
  if (cells.length > DIMENSION_LIMITS.rowsMax)
    throw invalid([{ path: '$', rule: 'rows_max', detail: `A load has at most ${DIMENSION_LIMITS.rowsMax} rows.` }]);
  const names = columnsOf(cells);
  const keyColumn = known?.keyColumn ?? sent.key ?? names[0];
  if (keyColumn === undefined)
    throw invalid([{ path: '$', rule: 'no_rows', detail: 'A first load needs at least one row.' }]);
  if (sent.key !== null && sent.key !== keyColumn)
    throw invalid([{ path: 'key', rule: 'key', detail: `The key of this dimension is ${keyColumn}.` }]);
  const problems = new Problems();
  const attributes = attributesOf(cells, names, keyColumn, sent, known, problems);
  problems.throwIfAny();
  const rows = await rowsOf(cells, keyColumn, attributes, problems);
  problems.throwIfAny();
  return { keyColumn, attributes, rows };
}

async function readCsv(body: Buffer): Promise<Cells[]> {
  const rows: Cells[] = [];
  const records = Readable.from(pieces(utf8(body))).pipe(
    parse({ columns: true, bom: true, max_record_size: 4 << 20, skip_empty_lines: true }),
  );
  try {
    for await (const record of records) {
      rows.push(record as Cells);
      if (rows.length > DIMENSION_LIMITS.rowsMax) break;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw unreadable(`The CSV cannot be read: ${error.message}`);
  }
  return rows;
}

function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1 << 18) yield text.slice(at, at + (1 << 18));
}

function readJson(body: Buffer, format: 'json' | 'ndjson'): Cells[] {
  const text = utf8(body);
  const parts = format === 'json' ? [text] : text.split('\n').filter((line) => line.trim() !== '');
  const values = parts.map((part, i): unknown => {
    try {
      return JSON.parse(part);
    } catch (error) {
      throw unreadable(`${format === 'json' ? 'The body' : `Line ${i + 1}`} is no JSON: ${(error as Error).message}`);
    }
  });
  const rows = format === 'json' ? values[0] : values;
  if (!Array.isArray(rows)) throw unreadable('The body must be an array of objects.');
  const bad = rows.findIndex((row) => row === null || typeof row !== 'object' || Array.isArray(row));
  if (bad >= 0) throw invalid([{ path: `$[${bad}]`, rule: 'object', detail: 'A row must be an object.' }]);
  return rows as Cells[];
}

function utf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw unreadable('The body is no UTF-8.');
  }
}

function columnsOf(cells: readonly Cells[]): string[] {
  const names = new Set<string>();
  for (const row of cells) for (const name in row) names.add(name);
  return [...names];
}

function attributesOf(
  cells: readonly Cells[],
  names: readonly string[],
  keyColumn: string,
  { types }: SentRows,
  known: KnownColumns | null,
  problems: Problems,
): readonly Attribute[] {
  const attributes = [...(known?.attributes ?? [])];
  const taken = new Set([...attributes.map(({ name }) => name.toLowerCase()), keyColumn.toLowerCase()]);
  if (!NAME.test(keyColumn)) problems.add(keyColumn, 'column_name', nameRule(keyColumn));
  for (const name of names) {
    if (name === keyColumn || name === VALID_FROM || name === DELETED) continue;
    if (attributes.some((attribute) => attribute.name === name)) continue;
    if (!NAME.test(name) || TAKEN.has(name.toLowerCase())) problems.add(name, 'column_name', nameRule(name));
    else if (taken.has(name.toLowerCase()))
      problems.add(name, 'column_name', `${name} differs from another column by case only.`);
    else attributes.push({ name, type: types.get(name) ?? inferType(cells, name) });
    taken.add(name.toLowerCase());
  }
  for (const name of types.keys())
    if (!attributes.some((attribute) => attribute.name === name))
      problems.add(name, 'types', `There is no column ${name}.`);
  if (attributes.length > DIMENSION_LIMITS.attributesMax)
    problems.add('$', 'attributes_max', `A dimension has at most ${DIMENSION_LIMITS.attributesMax} attributes.`);
  return attributes;
}

const nameRule = (name: string): string =>
  `"${name.slice(0, 80)}" cannot be a column: letters, digits and _, beginning with a letter, 64 characters at most, and none of ${[...TAKEN].join(', ')}.`;

async function rowsOf(
  cells: readonly Cells[],
  keyColumn: string,
  attributes: readonly Attribute[],
  problems: Problems,
): Promise<LoadedRow[]> {
  const rows: LoadedRow[] = [];
  const firstAt = new Map<string, number>();
  for (const [i, row] of cells.entries()) {
    if (problems.full) break;
    if (i % TURN_ROWS === TURN_ROWS - 1) await nextTurn();
    const key = keyOf(row[keyColumn]);
    if (key === null) {
      problems.add(
        `$[${i}].${keyColumn}`,
        'key',
        `A key is a text or whole number of 1 to ${DIMENSION_LIMITS.keyCharsMax} characters.`,
      );
      continue;
    }
    const fromMs = instantOf(row[VALID_FROM]);
    if (fromMs === undefined)
      problems.add(`$[${i}].${VALID_FROM}`, 'timestamp', 'Must be a day or an RFC 3339 time with its zone.');
    const deleted = row[DELETED] === true || row[DELETED] === 'true';
    if (!deleted && !isNo(row[DELETED])) problems.add(`$[${i}].${DELETED}`, 'boolean', 'Must be true or false.');
    const name = `${fromMs ?? ''}\0${key}`;
    const first = firstAt.get(name);
    if (first === undefined) firstAt.set(name, i);
    else problems.add(`$[${i}].${keyColumn}`, 'duplicate_key', `Row ${first} has the same key and ${VALID_FROM}.`);
    rows.push({ key, fromMs: fromMs ?? null, values: deleted ? null : valuesOf(row, i, attributes, problems) });
  }
  return rows;
}

function valuesOf(row: Cells, i: number, attributes: readonly Attribute[], problems: Problems): string {
  const values = attributes.map(({ name, type }): Value => {
    const value = valueOf(row[name], type);
    if (fits(value, type)) return value;
    problems.add(
      `$[${i}].${name}`,
      'type',
      `Must be a ${type}${type === 'string' ? ` of at most ${DIMENSION_LIMITS.valueCharsMax} characters` : ''} or null.`,
    );
    return null;
  });
  return encodeValues(values);
}

function keyOf(value: unknown): string | null {
  const key = Number.isSafeInteger(value) ? String(value) : value;
  return typeof key === 'string' && key.length > 0 && key.length <= DIMENSION_LIMITS.keyCharsMax ? key : null;
}

/** Milliseconds since 1970; null where nothing is given, undefined for what is no instant. */
export function instantOf(value: unknown): number | null | undefined {
  if (value === undefined || value === null || value === '') return null;
  const ms = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const isNo = (value: unknown): boolean =>
  value === undefined || value === null || [false, 'false', ''].includes(value as string);

class Problems {
  private readonly found: { path: string; rule: string; detail: string }[] = [];

  add(path: string, rule: string, detail: string): void {
    if (!this.full) this.found.push({ path, rule, detail });
  }

  get full(): boolean {
    return this.found.length >= PROBLEMS_MAX;
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw invalid(this.found);
  }
}

const unreadable = (detail: string): ProblemException => new ProblemException(400, { detail });

const invalid = (errors: readonly { path: string; rule: string; detail: string }[]): ProblemException =>
  new ProblemException(422, { detail: errors[0].detail, errors });
