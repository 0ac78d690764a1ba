/** A name as a quoted SQL identifier. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text as a SQL string literal, NUL included (which SQL text itself cannot hold); null as NULL. */
export function quoteLiteral(text: string | null): string {
  if (text === null) return 'NULL';
  const parts = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return parts.length === 1 ? parts[0] : `(${parts.join(' || chr(0) || ')})`;
}

/** Texts as a SQL list of string literals, as `read_parquet` takes file names. */
export const quoteList = (texts: readonly string[]): string => `[${texts.map(quoteLiteral).join(', ')}]`;
