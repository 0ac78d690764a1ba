import fs from 'node:fs';
import path from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { compile } from '../compile';
import { corpus } from '../corpora-dir';
import { loadDocument } from '../load-contract';
import { formatJsonPath } from '../property-path';
import { compileSchema } from '../validator';
import { toViolation } from '../violation';
import { contractFromJsonSchema } from './from-json-schema';

interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  /** The definition of the schema that this kind of webhook goes by. */
  readonly schema: string;
  readonly body: unknown;
}

interface Expected {
  readonly total: number;
  readonly invalid: readonly { readonly event: string; readonly n: number; readonly def: string }[];
}

const dir = corpus('github-webhooks');
const read = (name: string): string => fs.readFileSync(path.join(dir as string, name), 'utf8');

describe(dir ? 'GitHub’s webhooks under its own schema' : 'GitHub’s webhooks (absent)', () => {
  if (!dir) return void it('are left out for the reason printed', () => expect(dir).toBeNull());

  const { definitions } = JSON.parse(read('webhooks.schema.json')) as {
    definitions: Readonly<Record<string, unknown>>;
  };
  const deliveries = read('events.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Delivery);
  const expected = JSON.parse(read('expected.json')) as Expected;

  /** A definition, and what it refers to. */
  function schemaOf(name: string): object {
    const needed: Record<string, unknown> = {};
    for (const open = [name]; open.length > 0;) {
      const next = open.pop() as string;
      if (next in needed) continue;
      needed[next] = definitions[next];
      for (const [, below] of JSON.stringify(needed[next]).matchAll(/"#\/definitions\/([^"]+)"/g)) open.push(below);
    }
    return { $ref: `#/definitions/${name}`, definitions: needed };
  }

  const oracle = new Ajv({ allErrors: true, strict: false });
  addFormats(oracle);
  oracle.addSchema({ definitions }, 'github');

  const contracts = new Map<string, ReturnType<typeof contractOf>>();
  function contractOf(name: string) {
    const options = { name: 'webhook', version: '1.0.0', eventTypes: ['webhook'] };
    const { document, losses } = contractFromJsonSchema(JSON.stringify(schemaOf(name)), options);
    const contract = loadDocument(document);
    let all: ValidateFunction | undefined;
    return {
      losses: new Set(losses.map((loss) => `${loss.what} at ${loss.path}`)),
      validate: compile(contract).validate,
      everything: (body: unknown): readonly ErrorObject[] => {
        all ??= compileSchema(contract, false, true);
        return all(body) ? [] : (all.errors ?? []);
      },
    };
  }

  const seen = new Map<string, number>();
  const judged = deliveries.map(({ headers, schema, body }) => {
    const event = headers['X-GitHub-Event'];
    const n = seen.get(event) ?? 0;
    seen.set(event, n + 1);
    const contract = contracts.get(schema) ?? contractOf(schema);
    contracts.set(schema, contract);
    return { event, n, schema, body, contract, violations: contract.validate(body) };
  });

  it('are reported as drift where GitHub’s schema says so, and nowhere else', () => {
    expect(judged).toHaveLength(expected.total);
    const reported = judged.filter(({ violations }) => violations.length > 0);
    expect(reported.map(({ event, n, schema }) => ({ event, n, def: schema }))).toEqual(
      expected.invalid.map(({ event, n, def }) => ({ event, n, def })),
    );
    expect(reported).toHaveLength(53);
  });

  it('are reported with every path and rule that another validator finds, but for losses that the import lists', () => {
    const left: string[] = [];
    for (const { event, schema, body, contract, violations } of judged) {
      if (violations.length === 0) continue;
      const check = oracle.getSchema(`github#/definitions/${schema}`) as ValidateFunction;
      expect(check(body)).toBe(false);
      const theirs = new Map((check.errors ?? []).map((error) => [placeOf(error), error]));
      const ours = contract.everything(body);
      const places = new Set(ours.map(placeOf));
      // Nothing is made up.
      expect([...places].filter((place) => !theirs.has(place))).toEqual([]);
      for (const [place, error] of theirs) {
        if (places.has(place)) continue;
        // Of a value that fits no alternative, ajv says what is wrong by each of them.
        const at = formatJsonPath(segmentsOf(error));
        const told = /\/oneOf\b/.test(error.schemaPath) && [...places].some((ours) => ours.startsWith(at));
        if (!told) expect([place, lossesAt(error).some((loss) => contract.losses.has(loss))]).toEqual([place, true]);
        left.push(`${event} ${place}${told ? ', told otherwise' : ''}`);
      }
      // Whoever reads the quarantine is told one of them, in words.
      const [{ path: where, rule }] = violations;
      expect(ours.map(toViolation)).toContainEqual(violations[0]);
      expect(where).toMatch(/^\$\.payload/);
      expect(rule).toMatch(/ (is required|must )/);
    }
    expect(left).toEqual([
      'code_scanning_alert $.alert additionalProperties updated_at',
      'code_scanning_alert $.alert additionalProperties fixed_at',
      'code_scanning_alert $.alert.rule.tags type',
      'code_scanning_alert $.alert.rule.help type',
      'pull_request $.pull_request.head.repo type, told otherwise',
      'pull_request $.pull_request.head.repo oneOf, told otherwise',
    ]);
  });

  const segmentsOf = ({ instancePath }: ErrorObject): string[] =>
    instancePath
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

  /** Where an error is and by which rule; a constant is a list of one value. */
  function placeOf(error: ErrorObject): string {
    const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>;
    const keyword = error.keyword === 'const' ? 'enum' : error.keyword;
    return [formatJsonPath(segmentsOf(error)), keyword, missingProperty ?? additionalProperty]
      .filter(Boolean)
      .join(' ');
  }

  function lossesAt(error: ErrorObject): string[] {
    const at = formatJsonPath(segmentsOf(error).map((part) => (/^\d+$/.test(part) ? '*' : part)));
    return [error.keyword, 'null alone', 'alternatives', 'several types'].map((what) => `${what} at ${at}`);
  }
});
