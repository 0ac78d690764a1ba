import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fill, type Instruction, parsePairs, type Stage } from './dockerfile';

/** What an image holds once it is built, as a folder of this machine in place of the image's own root. */
export interface BuiltImage {
  readonly root: string;
  /** As in the image: `/millrace/apps/ingest-gateway`. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly command: readonly string[];
}

export interface BuildOptions {
  readonly stages: readonly Stage[];
  /** The folder that COPY takes from. */
  readonly context: string;
  readonly ignored: (file: string) => boolean;
  readonly args: Readonly<Record<string, string>>;
  /** Each stage gets a folder in it. A stage whose folder is there already is taken as it is. */
  readonly folder: string;
  /** For RUN. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Does what the instructions of a Dockerfile say, without Docker: COPY and RUN in a folder for each stage, the base
 * images left out. RUN commands run on this machine, so they may name no absolute path. Throws for an instruction or
 * a flag that is not known here: a build that left something out would prove nothing.
 */
export function buildImage(options: BuildOptions): BuiltImage {
  let built: BuiltImage | null = null;
  for (const stage of options.stages) built = buildStage(stage, options);
  if (!built) throw new Error('there is no stage');
  return built;
}

function buildStage(stage: Stage, options: BuildOptions): BuiltImage {
  const root = path.join(options.folder, stage.name);
  const isDone = fs.existsSync(root);
  const values: Record<string, string> = {};
  const image = { root, workdir: '/', env: {} as Record<string, string>, user: 'root', command: [] as string[] };
  fs.mkdirSync(root, { recursive: true });
  for (const instruction of stage.instructions) {
    const { name, value } = instruction;
    if (name === 'ARG') values[value] = argument(instruction, options.args);
    else if (name === 'ENV') Object.assign(image.env, parsePairs(fill(value, values)));
    else if (name === 'USER') image.user = value;
    else if (name === 'CMD') image.command = JSON.parse(value) as string[];
    else if (name === 'WORKDIR') image.workdir = path.posix.resolve(image.workdir, fill(value, values));
    else if (name === 'COPY' && !isDone) copy(instruction, image, options);
    else if (name === 'RUN' && !isDone) run(instruction, image, { ...options.env, ...image.env });
    else if (!isDone) throw new Error(`line ${instruction.line}: ${name} is not done here`);
  }
  return image;
}

function argument({ value, line }: Instruction, args: Readonly<Record<string, string>>): string {
  const given = args[value];
  if (given === undefined) throw new Error(`line ${line}: ${value} is not given`);
  return given;
}

/** `COPY one two folder/` and `COPY folder folder`: a folder's contents are copied, a file goes into what ends in a slash. */
function copy(
  { flags, value, line }: Instruction,
  { root, workdir }: BuiltImage,
  { folder, context, ignored }: BuildOptions,
): void {
  const { from, ...others } = flags;
  if (Object.keys(others).length > 0)
    throw new Error(`line ${line}: COPY --${Object.keys(others)[0]} is not done here`);
  const words = value.split(/\s+/);
  const to = words.pop() as string;
  const target = to.startsWith('/') ? path.join(root, to) : path.join(root, workdir, to);
  for (const word of words) {
    const source = from === undefined ? path.join(context, word) : path.join(folder, from, word);
    const isFolder = fs.statSync(source).isDirectory();
    fs.cpSync(source, isFolder || !to.endsWith('/') ? target : path.join(target, path.basename(word)), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => from !== undefined || !ignored(path.relative(context, file).split(path.sep).join('/')),
    });
  }
}

function run({ flags, value, line }: Instruction, { root, workdir }: BuiltImage, env: NodeJS.ProcessEnv): void {
  if (Object.keys(flags).length > 0 || /(^|[\s='"])\/\w/.test(value))
    throw new Error(`line ${line}: RUN with flags or absolute paths is not done here`);
  try {
    const cwd = path.join(root, workdir);
    fs.mkdirSync(cwd, { recursive: true });
    execFileSync('sh', ['-c', value], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`line ${line}: ${value.slice(0, 80)} failed:\n${stdout.slice(-2_000)}\n${stderr.slice(-2_000)}`, {
      cause: error,
    });
  }
}
