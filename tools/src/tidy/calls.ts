import ts from 'typescript';
import { lineOf, parse, type Project, projectOf, type SourceFile, walkTree } from './workspace';

/** A call that ties code to this machine's clock, chance, network or disk, and what to use in its place. */
export const REPLACEMENTS = {
  'Date.now': 'an injected Clock (@millrace/observability)',
  'new Date()': 'an injected Clock: new Date(clock.now())',
  'Math.random': 'an injected Random (@millrace/observability)',
  setTimeout: 'a wait handed in by the shell, so that a simulation can own it',
  setInterval: 'a loop owned by the shell',
  randomUUID: 'an id made from the injected Random',
  fetch: 'a port, with the call in an engine or in client.ts',
  fs: 'the storage port (@millrace/storage)',
} as const;

export type BannedCall = keyof typeof REPLACEMENTS;

export interface CallFound {
  readonly file: string;
  readonly line: number;
  readonly call: BannedCall;
}

/** Folders of a port's project that talk to the world; everything else in it is plain code. */
const ENGINES = [
  'memory',
  'postgres',
  'filesystem',
  'kafka',
  'pubsub',
  'gcs',
  'cloud-tasks',
  'duckdb',
  'bigquery',
  'nest',
  'testing',
];
/** What tests and measures the product, in any project. */
const MEASURES = /\/src\/(testing|bench)\//;
/** Files of an app that wire it to the world. */
const APP_SHELLS = /\/(main|app\.module|client)\.ts$|\.(module|controller|client)\.ts$/;

/**
 * Whether a file is an adapter or a shell, where the calls belong: platform libraries and tools, the engines of ports,
 * and the wiring of apps. Core libraries have none, but for what tests and measures them.
 */
export function isShell(file: string, project: Project | undefined): boolean {
  const type = project?.tags.find((tag) => tag.startsWith('type:'));
  if (type === 'type:platform' || type === 'type:tool' || MEASURES.test(file)) return true;
  if (type === 'type:port') return ENGINES.some((engine) => file.startsWith(`${project?.dir}/src/${engine}/`));
  return type === 'type:app' && APP_SHELLS.test(file);
}

/** The banned calls of files that are neither specs nor shells. */
export function bannedCalls(files: readonly SourceFile[], projects: readonly Project[]): CallFound[] {
  return files.filter(({ file }) => !isShell(file, projectOf(file, projects))).flatMap(callsOf);
}

/** Every banned call of one file, told by its syntax: a name in a comment or a string is none. */
export function callsOf(source: SourceFile): CallFound[] {
  const tree = parse(source);
  const found: CallFound[] = [];
  const report = (node: ts.Node, call: BannedCall): void =>
    void found.push({ file: source.file, line: lineOf(tree, node), call });
  walkTree(tree, (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const typeOnly = node.importClause?.isTypeOnly ?? false;
      if (!typeOnly && /^(node:)?fs(\/promises)?$/.test(node.moduleSpecifier.text)) report(node, 'fs');
    } else if (ts.isNewExpression(node)) {
      if (ts.isIdentifier(node.expression) && node.expression.text === 'Date' && !node.arguments?.length)
        report(node, 'new Date()');
    } else if (ts.isPropertyAccessExpression(node)) {
      const name = node.getText().replace(/\s/g, '');
      // Handing the function on is a use of it as well.
      if (name === 'Date.now' || name === 'Math.random') report(node, name);
    } else if (ts.isCallExpression(node)) {
      const name = calledName(node);
      if (name === 'setTimeout' || name === 'setInterval' || name === 'randomUUID' || name === 'fetch')
        report(node, name);
    }
  });
  return found;
}

/** `fetch(…)`, `globalThis.fetch(…)`, `crypto.randomUUID(…)`; a method of an object of ours (`port.fetch(…)`) is none. */
function calledName({ expression }: ts.CallExpression): string | null {
  if (ts.isIdentifier(expression)) return expression.text;
  if (!ts.isPropertyAccessExpression(expression) || !ts.isIdentifier(expression.expression)) return null;
  const owner = expression.expression.text;
  return owner === 'globalThis' || (owner === 'crypto' && expression.name.text === 'randomUUID')
    ? expression.name.text
    : null;
}
