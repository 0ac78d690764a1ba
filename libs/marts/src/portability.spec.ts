import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DUCKDB_MACROS, MARTS } from './index';

/** What DuckDB and BigQuery both have and mean alike, or what a macro gives DuckDB. */
const FUNCTIONS = new Set([
  'CAST',
  'COALESCE',
  'COUNT',
  'LAST_VALUE',
  'MAX',
  'MIN',
  'ROW_NUMBER',
  'SUM',
  'UNIX_MICROS',
]);
/** Words that may stand before a parenthesis and are no functions. */
const WORDS = new Set(['AND', 'AS', 'FROM', 'IN', 'NOT', 'OR', 'OVER', 'THEN', 'WHEN', 'WHERE']);
/** Type names that both read as the same type. */
const TYPES = new Set(['BIGINT', 'DATE', 'STRING', 'TIMESTAMP']);

/** What one of the two refuses or reads otherwise. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/::/, 'casts with :: are unknown to BigQuery; write CAST'],
  [/"/, 'double quotes are strings in BigQuery and names in DuckDB'],
  [/`/, 'backticks are unknown to DuckDB'],
  [/\bQUALIFY\b/i, 'QUALIFY needs a WHERE beside it in BigQuery'],
  [/\bFILTER\s*\(/i, 'FILTER is unknown to BigQuery; write COUNT(CASE WHEN …)'],
  [/\bGROUP BY ALL\b|\bORDER BY ALL\b/i, 'ALL differs between the two'],
  [/\bEXCLUDE\b|\bREPLACE\s*\(|\bEXCEPT\s*\(/i, 'star modifiers have other names'],
  [/\/\/|%/, 'integer division and modulo differ'],
  [/\bILIKE\b|\bSIMILAR TO\b|~/i, 'pattern operators differ'],
  [/\bINTERVAL\b/i, 'interval literals differ'],
  [/\[|\]/, 'lists begin at 1 in DuckDB and at 0 in BigQuery'],
];

/** The SQL without comments, texts and placeholders. */
const codeOf = (sql: string): string =>
  sql
    .replace(/--.*$/gm, '')
    .replace(/'[^']*'/g, "''")
    .replace(/\{\{[a-z_.]+\}\}/g, 'source');

function problems(sql: string): string[] {
  const code = codeOf(sql);
  const found = FORBIDDEN.filter(([pattern]) => pattern.test(code)).map(([, why]) => why);
  for (const [, name] of code.matchAll(/\b([A-Za-z_][A-Za-z0-9_]*)\s*\(/g)) {
    if (!FUNCTIONS.has(name.toUpperCase()) && !WORDS.has(name.toUpperCase()))
      found.push(`${name} is not on the list of portable functions`);
  }
  for (const [, type] of code.matchAll(/\bCAST\s*\([\s\S]*?\bAS\s+([A-Za-z0-9_]+)\s*\)/g)) {
    if (!TYPES.has(type.toUpperCase())) found.push(`${type} is not a type of both`);
  }
  return found;
}

describe('portable SQL', () => {
  it.each(MARTS.map((mart) => [mart.name, mart.sql]))('%s keeps to what DuckDB and BigQuery share', (_name, sql) => {
    expect(problems(sql)).toEqual([]);
  });

  it.each([
    ['SELECT x::BIGINT FROM t', 'casts'],
    ['SELECT "x" FROM t', 'double quotes'],
    ['SELECT COUNT(*) FILTER (WHERE x) FROM t', 'FILTER'],
    ['SELECT epoch_us(x) FROM t', 'epoch_us'],
    ['SELECT CAST(x AS DOUBLE) FROM t', 'DOUBLE'],
    ['SELECT CAST(SUM(x) AS HUGEINT) FROM t', 'HUGEINT'],
    ['SELECT x FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY x) = 1', 'QUALIFY'],
  ])('the rules catch %s', (sql, what) => {
    expect(problems(sql).join('\n')).toContain(what);
  });

  it('every SQL file is a mart, and every mart names its sources', () => {
    const files = readdirSync(path.join(__dirname, 'sql')).sort();
    expect(files).toEqual(MARTS.map((mart) => `${mart.name}.sql`).sort());
    for (const mart of MARTS) {
      const named = [...mart.sql.matchAll(/\{\{([a-z_.]+)\}\}/g)].map(([, source]) => source);
      expect([...new Set(named)].sort()).toEqual(
        [...mart.sources, ...mart.dimensions.map(({ table }) => table)].sort(),
      );
      expect(mart.columns.map((column) => column.name)).toContain(mart.partitionColumn);
    }
  });

  it('the macros give DuckDB what BigQuery has: microseconds since 1970, null for null', async () => {
    const duck = await (await DuckDBInstance.create(':memory:')).connect();
    await duck.run("SET TimeZone='UTC'");
    for (const macro of [...DUCKDB_MACROS, ...DUCKDB_MACROS]) await duck.run(macro);
    const rows = await duck.runAndReadAll(
      "SELECT UNIX_MICROS(TIMESTAMPTZ '2013-02-01 10:00:00.000001+00') AS a, UNIX_MICROS(TIMESTAMPTZ '1969-12-31 23:59:59+00') AS b, UNIX_MICROS(CAST(NULL AS TIMESTAMPTZ)) AS c",
    );
    expect(rows.getRowObjects()).toEqual([{ a: 1359712800000001n, b: -1000000n, c: null }]);
    duck.closeSync();
  });
});
