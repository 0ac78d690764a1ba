import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { WORKSPACE_ROOT } from '../start/services';

/** A text file of the workspace, by its path from the root with forward slashes. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

export interface Project {
  /** `libs/envelope`, `apps/table-manager`, `tools`. */
  readonly dir: string;
  readonly name: string;
  readonly tags: readonly string[];
}

/** What is installed, compiled, generated or produced by a run; never written by hand. */
const LEFT_OUT = new Set(['node_modules', 'dist', 'generated', 'coverage', '.git', '.nx', '.millrace', 'out-tsc']);
const TEXT =
  /\.(ts|tsx|js|mjs|cjs|json|sql|md|ya?ml|tf|sh|env|prisma|html|css)$|(^|\/)(Dockerfile|LICENSE|run|\.gitignore|\.prettierrc)$/;
const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** Every text file that a person wrote or keeps, in order of path. */
export function textFiles(root: string = WORKSPACE_ROOT): SourceFile[] {
  return [...walk(root, '')]
    .filter((file) => TEXT.test(file) && fs.statSync(path.join(root, file)).size <= TEXT_BYTES_MAX)
    .sort()
    .map((file) => ({ file, text: fs.readFileSync(path.join(root, file), 'utf8') }));
}

export const isTypeScript = ({ file }: SourceFile): boolean => /\.tsx?$/.test(file) && !file.endsWith('.d.ts');
export const isSpec = ({ file }: SourceFile): boolean => /\.spec\.tsx?$/.test(file);

/** All workspace projects with the Nx tags of their package.json. */
export function projects(root: string = WORKSPACE_ROOT): Project[] {
  return [
    ...['apps', 'libs'].flatMap((kind) => fs.readdirSync(path.join(root, kind)).map((name) => `${kind}/${name}`)),
    'tools',
  ].flatMap((dir) => {
    const manifest = path.join(root, dir, 'package.json');
    if (!fs.existsSync(manifest)) return [];
    const { name, nx } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { name: string; nx?: { tags?: string[] } };
    return [{ dir, name, tags: nx?.tags ?? [] }];
  });
}

/** The project that a file belongs to. */
export const projectOf = (file: string, all: readonly Project[]): Project | undefined =>
  all.find(({ dir }) => file.startsWith(`${dir}/`));

/** A file's syntax tree, with parent links. */
export const parse = ({ file, text }: SourceFile): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);

export const lineOf = (source: ts.SourceFile, node: ts.Node): number =>
  source.getLineAndCharacterOfPosition(node.getStart()).line + 1;

/** Calls `visit` for a node and all below it. */
export function walkTree(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walkTree(child, visit));
}

function* walk(root: string, dir: string): Generator<string> {
  for (const entry of fs.readdirSync(path.join(root, dir), { withFileTypes: true })) {
    const file = dir ? `${dir}/${entry.name}` : entry.name;
    if (LEFT_OUT.has(entry.name)) continue;
    if (entry.isDirectory()) yield* walk(root, file);
    else if (entry.isFile()) yield file;
  }
}
