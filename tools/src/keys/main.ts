import { parseArgs } from 'node:util';
import { systemRandom } from '@millrace/observability';
import { rotateMasterKeys } from '@millrace/privacy/filesystem';

const USAGE = `npx millrace keys rotate [--file FILE]

  rotate  adds a master key to the file and makes it the one that wraps; older ones stay

FILE is the services' MASTER_KEY_FILE, which is also where it is looked for by default.`;

/** Exit code 1 where the command cannot be obeyed. */
export async function main(
  args: readonly string[] = process.argv.slice(2),
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  try {
    const options = { file: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    if (values.help) return console.log(USAGE);
    const file = values.file ?? env['MASTER_KEY_FILE'];
    if (positionals.join() !== 'rotate' || file === undefined) throw new Error(USAGE);
    console.log(`${await rotateMasterKeys(file, systemRandom)} is the current master key of ${file}`);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
