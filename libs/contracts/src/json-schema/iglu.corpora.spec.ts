import fs from 'node:fs';
import path from 'node:path';
import { checkSchemaCompatibility } from '../compatibility/schemas';
import { corpus } from '../corpora-dir';

interface Step {
  readonly vendor: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly bump: 'ADDITION' | 'REVISION' | 'MODEL';
  readonly old: unknown;
  readonly new: unknown;
}

const dir = corpus('iglu');

describe(dir ? 'published evolutions of schemas' : 'published evolutions of schemas (absent)', () => {
  if (!dir) return void it('are left out for the reason printed', () => expect(dir).toBeNull());

  const steps = fs
    .readFileSync(path.join(dir, 'evolution.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);

  const backward = (step: Step) =>
    checkSchemaCompatibility({
      schemaType: 'JSON',
      mode: 'BACKWARD',
      proposed: { version: step.to, schema: JSON.stringify(step.new) },
      previous: [{ version: step.from, schema: JSON.stringify(step.old) }],
    });

  it('are accepted where their authors say ADDITION or REVISION, or refused in words', () => {
    const verdicts = steps.map((step) => ({ step, verdict: backward(step) }));
    const additions = verdicts.filter(({ step }) => step.bump !== 'MODEL');
    expect(additions).toHaveLength(94);
    expect(additions.filter(({ verdict }) => verdict.compatible).length).toBeGreaterThanOrEqual(89);
    // Each refusal of what was meant as an addition is one: an event shows it.
    for (const { verdict } of additions)
      for (const { counterExample } of verdict.against[0].findings) expect(counterExample).not.toBeNull();
    for (const { verdict } of verdicts)
      for (const finding of verdict.against[0].findings) {
        expect(finding.message).toMatch(/^A producer of version .*New readers would refuse/);
        expect(finding.suggestion).not.toBe('');
      }
  });
});
