/** A query over a mart, for DuckDB: values are bound, identifiers come from lists in this library. */
export interface MartQuery {
  readonly sql: string;
  /** By name, without the `$`. */
  readonly params: Readonly<Record<string, string | number>>;
  /** Columns by which rows are ordered and pages continue; unique together. */
  readonly key: readonly string[];
  /** Rows a page; the query asks for one more, to know whether there is a next one. */
  readonly limit: number;
}

/** Input that names no valid question: the caller's mistake, with the parameter and the rule. */
export class QueryInputError extends Error {
  readonly code = 'QUERY_INPUT_INVALID';

  constructor(
    readonly parameter: string,
    readonly rule: string,
  ) {
    super(`${parameter} ${rule}`);
    this.name = 'QueryInputError';
  }
}

export interface PageInput {
  /** Rows, 1 to 10,000; 1,000 by default. */
  readonly limit?: number;
  /** `nextPage` of the page before. */
  readonly page?: string;
}

export interface PeriodInput extends PageInput {
  /** First day, `YYYY-MM-DD`, inclusive. */
  readonly from?: string;
  /** Last day, `YYYY-MM-DD`, inclusive. */
  readonly to?: string;
  /** Only this tenant's rows; absent means all tenants together. */
  readonly tenant?: string;
}

export const PAGE_ROWS_DEFAULT = 1000;
export const PAGE_ROWS_MAX = 10_000;
const PAGE_TOKEN_CHARS_MAX = 4096;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Conditions on a mart's rows, with their bound values. */
export class Conditions {
  private readonly clauses: string[] = [];
  readonly params: Record<string, string | number> = {};

  /** @throws QueryInputError for a day that is none, or a period that ends before it begins */
  static ofPeriod({ from, to, tenant }: PeriodInput, column = 'service_date'): Conditions {
    const conditions = new Conditions();
    for (const [name, day] of Object.entries({ from, to })) if (day !== undefined) checkDay(name, day);
    if (from !== undefined && to !== undefined && from > to) throw new QueryInputError('to', 'must not be before from');
    conditions.add(`${column} >= CAST($from AS DATE)`, 'from', from);
    conditions.add(`${column} <= CAST($to AS DATE)`, 'to', to);
    conditions.equal('tenant_id', 'tenant', tenant);
    return conditions;
  }

  /** `column` is text of this library, `value` is bound. */
  equal(column: string, name: string, value: string | undefined): this {
    return this.add(`${column} = $${name}`, name, value);
  }

  toSql(): string {
    return this.clauses.length > 0 ? `WHERE ${this.clauses.join(' AND ')}` : '';
  }

  private add(clause: string, name: string, value: string | undefined): this {
    if (value === undefined) return this;
    this.clauses.push(clause);
    this.params[name] = value;
    return this;
  }
}

function checkDay(name: string, day: string): void {
  const date = new Date(`${day}T00:00:00Z`);
  const real = DAY.test(day) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
  if (!real) throw new QueryInputError(name, 'must be a date, YYYY-MM-DD');
}

/**
 * Orders a query's rows by their key and cuts a page out of them. A page continues behind the last key of the one before,
 * not at a row number: rows that appear meanwhile shift nothing.
 *
 * @throws QueryInputError for a limit out of range or a page that no query gave out
 */
export function paged(
  inner: string,
  key: readonly string[],
  conditions: Conditions,
  { limit, page }: PageInput,
): MartQuery {
  const rows = limit ?? PAGE_ROWS_DEFAULT;
  if (!Number.isInteger(rows) || rows < 1 || rows > PAGE_ROWS_MAX) {
    throw new QueryInputError('limit', `must be a whole number, 1 to ${PAGE_ROWS_MAX}`);
  }
  const params: Record<string, string | number> = { ...conditions.params, page_rows: rows + 1 };
  let after = '';
  if (page !== undefined) {
    const values = decodePage(page, key.length);
    after = `WHERE (${key.join(', ')}) > (${values.map((_value, at) => `$after_${at}`).join(', ')})`;
    values.forEach((value, at) => (params[`after_${at}`] = value));
  }
  const sql = `SELECT * FROM (${inner}) ${after} ORDER BY ${key.join(', ')} LIMIT $page_rows`;
  return { sql, params, key, limit: rows };
}

export type Row = Readonly<Record<string, unknown>>;

/** A page as the API answers it: the limit's rows, and how to ask for the next ones where there are any. */
export function pageOf(
  query: Pick<MartQuery, 'key' | 'limit'>,
  rows: readonly Row[],
): { rows: Row[]; nextPage?: string } {
  const page = rows.slice(0, query.limit).map(withNumbers);
  const last = page.at(-1);
  if (rows.length <= query.limit || last === undefined) return { rows: page };
  return { rows: page, nextPage: encodePage(query.key.map((column) => String(last[column]))) };
}

/** Counts arrive as bigint, which JSON lacks; none comes near 2^53. */
function withNumbers(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );
}

const encodePage = (values: readonly string[]): string => Buffer.from(JSON.stringify(values)).toString('base64url');

function decodePage(page: string, length: number): string[] {
  let values: unknown;
  try {
    values = page.length <= PAGE_TOKEN_CHARS_MAX ? JSON.parse(Buffer.from(page, 'base64url').toString('utf8')) : null;
  } catch {
    values = null;
  }
  const valid = Array.isArray(values) && values.length === length && values.every((value) => typeof value === 'string');
  if (!valid) throw new QueryInputError('page', 'must be the nextPage of an earlier answer to the same question');
  return values as string[];
}
