import type { PoolClient } from 'pg';

/** A statement that is prepared under its name, once on each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** A parameter in Postgres' binary form, written straight into the message that carries it. */
export interface BinaryParameter {
  /** Bytes. */
  readonly length: number;
  write(target: Buffer, at: number): void;
}

/** Strings are sent as text, in the form that Postgres reads. */
export type Parameter = string | BinaryParameter;

/** Execute of the unnamed portal with all of its rows, then Sync. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
const INT16 = 2;
const INT32 = 4;

/**
 * The messages that run a prepared statement (Bind, Execute and Sync of the extended query protocol), in a buffer that
 * `allocate` gives: at least as many bytes as it is asked for. Rows come back as text.
 *
 * pg builds the same, but copies a large parameter twice on its way into the message.
 */
export function bindMessage(
  { name }: Statement,
  values: readonly Parameter[],
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const lengths = values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : value.length));
  const bound = lengths.reduce(
    (sum, length) => sum + INT16 + INT32 + length,
    INT32 + 1 + Buffer.byteLength(name) + 1 + 3 * INT16,
  );
  const message = allocate(1 + bound + EXECUTE_AND_SYNC.length).subarray(0, 1 + bound + EXECUTE_AND_SYNC.length);
  message[0] = 0x42;
  let at = message.writeInt32BE(bound, 1);
  // The unnamed portal.
  message[at++] = 0;
  at += message.write(name, at);
  message[at++] = 0;
  at = message.writeInt16BE(values.length, at);
  for (const value of values) at = message.writeInt16BE(typeof value === 'string' ? 0 : 1, at);
  at = message.writeInt16BE(values.length, at);
  values.forEach((value, n) => {
    at = message.writeInt32BE(lengths[n], at);
    if (typeof value === 'string') message.write(value, at);
    else value.write(message, at);
    at += lengths[n];
  });
  at = message.writeInt16BE(0, at);
  message.set(EXECUTE_AND_SYNC, at);
  return message;
}

/** A row's columns as text; null for NULL. */
export type TextRow = readonly (string | null)[];

/** What a submitted query is told by pg; see its own `Query`. */
interface Connection {
  readonly stream: { write(bytes: Buffer): boolean; cork(): void; uncork(): void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  parse(statement: Statement & { readonly types: readonly number[] }): void;
}

/**
 * Sends what `bindMessage` made. The message must stay as it is until this resolves; when it rejects with an error that
 * the server did not send (no `severity`), some of it may still be on its way out.
 * @throws what `client.query` throws
 */
export function executeBound(client: PoolClient, statement: Statement, message: Buffer): Promise<TextRow[]> {
  return new Promise((resolve, reject) => {
    client.query(new BoundQuery(statement, message, resolve, reject) as never);
  });
}

class BoundQuery {
  /** By these pg remembers that the statement is prepared. */
  readonly name: string;
  readonly text: string;
  private readonly rows: TextRow[] = [];

  constructor(
    statement: Statement,
    private readonly message: Buffer,
    private readonly resolve: (rows: TextRow[]) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.name = statement.name;
    this.text = statement.text;
  }

  submit(connection: Connection): Error | null {
    const { stream, parsedStatements } = connection;
    if (parsedStatements[this.name] !== undefined) {
      stream.write(this.message);
      return null;
    }
    stream.cork();
    connection.parse({ name: this.name, text: this.text, types: [] });
    stream.write(this.message);
    stream.uncork();
    return null;
  }

  handleDataRow({ fields }: { readonly fields: TextRow }): void {
    this.rows.push(fields);
  }

  handleCommandComplete(): void {
    // The rows are complete once the transaction has ended.
  }

  handleReadyForQuery(): void {
    this.resolve(this.rows);
  }

  handleError(error: Error): void {
    this.reject(error);
  }
}
