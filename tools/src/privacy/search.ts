import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Duck, quoteLiteral } from '@millrace/lakehouse';
import type { Pool } from '@millrace/postgres';

/** Where a text was found, for people: a file, a table, an address. */
export type Found = ReadonlyMap<string, readonly string[]>;

/**
 * The forms in which a text may be kept without being protected: as it is, in hexadecimal, and in base64 from any of its
 * three bit positions (the characters that depend on its neighbours left out).
 */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return whole.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [text, bytes.toString('hex'), ...base64];
}

/** Looks for canaries in whatever it is shown. */
export class Search {
  private readonly found = new Map<string, string[]>();
  private readonly forms: readonly (readonly [canary: string, forms: readonly string[]])[];
  /** Of each kind of place, how many were searched. */
  readonly searched: Record<string, number> = {};

  constructor(canaries: readonly string[]) {
    this.forms = canaries.map((canary) => [canary, formsOf(canary)]);
  }

  /** By canary, the places that hold it. */
  get places(): Found {
    return this.found;
  }

  look(kind: string, place: string, content: string | Buffer): void {
    this.searched[kind] = (this.searched[kind] ?? 0) + 1;
    const text = typeof content === 'string' ? content : content.toString('latin1');
    for (const [canary, forms] of this.forms)
      if (forms.some((form) => text.includes(form)))
        this.found.set(canary, [...(this.found.get(canary) ?? []), `${kind}: ${place}`]);
  }

  /** Every file under a folder but those in folders of the given names: its bytes, and what they are when unpacked. */
  async files(root: string, duck: Duck, without: readonly string[]): Promise<void> {
    for (const entry of fs.readdirSync(root, { withFileTypes: true })) {
      const file = path.join(root, entry.name);
      if (entry.isDirectory()) {
        if (!without.includes(entry.name)) await this.files(file, duck, without);
      } else if (entry.isFile()) await this.file(file, duck);
    }
  }

  private async file(file: string, duck: Duck): Promise<void> {
    let bytes: Buffer;
    try {
      bytes = fs.readFileSync(file);
    } catch (error) {
      // Scratch files come and go.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    this.look('file', `${file} (its name)`, file);
    this.look('file', file, bytes);
    if (file.endsWith('.gz')) this.look('raw part', file, gunzipSync(bytes));
    if (file.endsWith('.parquet')) {
      const rows = await duck.query(`SELECT to_json(t)::VARCHAR AS text FROM read_parquet(${quoteLiteral(file)}) t`);
      this.look('parquet', file, rows.map(({ text }) => String(text)).join('\n'));
    }
  }

  /** Every table of every schema that is not Postgres's own, bytes as bytes. */
  async database(pool: Pool): Promise<void> {
    const { rows: tables } = await pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of tables) {
      const { rows } = await pool.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
      for (const row of rows)
        for (const [column, value] of Object.entries(row))
          this.look(
            'database',
            `${name}.${column}`,
            Buffer.isBuffer(value) ? value : typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
          );
    }
  }
}
