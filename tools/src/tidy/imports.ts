import path from 'node:path';
import ts from 'typescript';
import { lineOf, parse, type Project, projectOf, type SourceFile, walkTree } from './workspace';

export interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
}

/** Several rules ask the same: parsing a thousand files takes seconds. */
const imports = new WeakMap<SourceFile, readonly Import[]>();

/** Every module that a file names: import, export from, import(), require(), import types, jest.mock. */
export function importsOf(source: SourceFile): readonly Import[] {
  const known = imports.get(source);
  if (known) return known;
  const found = readImports(source);
  imports.set(source, found);
  return found;
}

function readImports(source: SourceFile): Import[] {
  const tree = parse(source);
  const found: Import[] = [];
  walkTree(tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier !== null) found.push({ file: source.file, line: lineOf(tree, node), specifier });
  });
  return found;
}

function specifierOf(node: ts.Node): string | null {
  if (
    (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
    node.moduleSpecifier &&
    ts.isStringLiteral(node.moduleSpecifier)
  )
    return node.moduleSpecifier.text;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
    return node.argument.literal.text;
  if (!ts.isCallExpression(node)) return null;
  const [first] = node.arguments;
  const calls =
    node.expression.kind === ts.SyntaxKind.ImportKeyword ||
    /^(require|require\.resolve|jest\.mock)$/.test(node.expression.getText());
  return calls && first && ts.isStringLiteral(first) ? first.text : null;
}

/**
 * Imports that reach into an app from outside of it, by package name or by path. What an app offers to simulations is
 * there for tools.
 */
export function importsOfApps(files: readonly SourceFile[], projects: readonly Project[]): Import[] {
  const apps = projects.filter(({ dir }) => dir.startsWith('apps/'));
  return files.flatMap((source) => {
    const own = projectOf(source.file, projects);
    return importsOf(source).filter(({ specifier }) => {
      const target = specifier.startsWith('.')
        ? projectOf(path.posix.join(path.posix.dirname(source.file), specifier), apps)
        : apps.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
      const offered = own?.tags.includes('type:tool') && specifier === `${target?.name}/simulation`;
      return target !== undefined && target !== own && !offered;
    });
  });
}

/** Files that begin something by themselves. */
const ENTRY = /(^|\/)(main|index|app\.module)\.ts$|\.spec\.ts$|\.d\.ts$|\.config\.ts$/;

/**
 * Source files that nothing imports, and that nothing names as a file of its own: neither code
 * (`path.join(__dirname, 'worker.js')`) nor one of the `others`, such as a script of a package.json. What is reached
 * only from dead files is found once those are gone.
 */
export function deadFiles(files: readonly SourceFile[], others: readonly SourceFile[] = []): string[] {
  const alive = new Set<string>();
  const named = new Set<string>();
  for (const source of files) {
    for (const { specifier } of importsOf(source)) {
      if (specifier.startsWith('.'))
        alive.add(path.posix.join(path.posix.dirname(source.file), specifier).replace(/\.(js|ts)$/, ''));
    }
  }
  for (const { text } of [...files, ...others]) {
    for (const [, name] of text.matchAll(/['"`/ ]([\w.-]+)\.(?:js|ts)(?=['"`\s])/g)) named.add(name as string);
  }
  return files
    .map(({ file }) => file)
    .filter((file) => !ENTRY.test(file))
    .filter(
      (file) => !alive.has(file.replace(/\.tsx?$/, '')) && !named.has(path.posix.basename(file).replace(/\.tsx?$/, '')),
    );
}
