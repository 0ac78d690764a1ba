import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readCatalogDir } from '@millrace/contracts';
import { type Command, COMMANDS, type ContractFile, runContracts, UsageError } from './commands';

const USAGE = `npx millrace contracts <command> [files…] [--out FILE]

  types        TypeScript types of the payloads
  docs         a page, in Markdown
  ddl          the statement that creates the typed table (--warehouse delta|duckdb|postgres|bigquery)
  json-schema  the payload's JSON Schema (one file)
  avro         the payload's Avro record (one file)
  check        whether the first file goes together with the others, earlier versions, newest first (--mode BACKWARD)

Files are contracts (*.odcs.yaml); without any, those that come with Millrace.`;

/** Exit code 1 where the command cannot be obeyed, or where check finds something. */
export function main(args: readonly string[] = process.argv.slice(2)): void {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        out: { type: 'string' },
        warehouse: { type: 'string' },
        mode: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
      strict: true,
    });
    const [command, ...files] = positionals;
    if (values.help) return console.log(USAGE);
    if (!isCommand(command)) throw new UsageError(USAGE);
    const { text, notes, status } = runContracts(command, read(files), values);
    for (const note of notes) console.error(note);
    if (values.out === undefined) process.stdout.write(text);
    else {
      fs.mkdirSync(path.dirname(path.resolve(values.out)), { recursive: true });
      fs.writeFileSync(values.out, text);
    }
    process.exitCode = status;
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

const isCommand = (command: string | undefined): command is Command =>
  (COMMANDS as readonly (string | undefined)[]).includes(command);

function read(files: readonly string[]): readonly ContractFile[] {
  if (files.length === 0) return readCatalogDir().map(({ file, yaml }) => ({ file, text: yaml }));
  return files.map((file) => {
    try {
      return { file, text: fs.readFileSync(file, 'utf8') };
    } catch (error) {
      throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
    }
  });
}
