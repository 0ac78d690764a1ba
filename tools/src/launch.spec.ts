import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { WORKSPACE_ROOT } from './start/services';

const LAUNCH = path.join(WORKSPACE_ROOT, 'tools', 'launch.cjs');
const launch = (args: string[], env: Record<string, string> = {}, script = LAUNCH) =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env: { ...process.env, ...env } });

it.each(['8.17.0', '18.20.4', '20.18.9'])('tells Node %s in a sentence that it is too old', (version) => {
  const { status, stderr, stdout } = launch(['start'], { MILLRACE_ASSUME_NODE: version });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`Millrace needs Node 20.19 or newer; this is Node ${version}`);
});

it('is written so that an old Node can parse it', () => {
  const tree = ts.createSourceFile(
    'launch.js',
    fs.readFileSync(LAUNCH, 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
    ts.ScriptKind.JS,
  );
  const young: string[] = [];
  const visit = (node: ts.Node): void => {
    const declaresBlockScoped = ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) !== 0;
    const isYoung =
      declaresBlockScoped ||
      ts.isArrowFunction(node) ||
      ts.isTemplateExpression(node) ||
      ts.isNoSubstitutionTemplateLiteral(node) ||
      ts.isSpreadElement(node) ||
      ts.isShorthandPropertyAssignment(node) ||
      ts.isClassDeclaration(node) ||
      ts.isAwaitExpression(node) ||
      ts.isObjectBindingPattern(node) ||
      ts.isForOfStatement(node) ||
      node.kind === ts.SyntaxKind.QuestionDotToken ||
      node.kind === ts.SyntaxKind.QuestionQuestionToken ||
      (ts.isCallExpression(node) && node.arguments.hasTrailingComma === true);
    if (isYoung) young.push(node.getText());
    ts.forEachChild(node, visit);
  };
  visit(tree);
  expect(young).toEqual([]);
});

it('says what to run when nothing is installed', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-launch-'));
  try {
    fs.mkdirSync(path.join(dir, 'tools'));
    fs.copyFileSync(LAUNCH, path.join(dir, 'tools', 'launch.cjs'));
    const { status, stderr } = launch(['demo'], {}, path.join(dir, 'tools', 'launch.cjs'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/dependencies are not installed[^]*Run `npm ci`/)]);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});

it('knows its commands', () => {
  expect(launch(['fly']).stderr).toContain(
    'usage: node tools/launch.cjs <start|demo|migrate|bench|chaos|fuzz|overload|simulate|contracts|keys>',
  );
});
