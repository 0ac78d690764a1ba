import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import fc from 'fast-check';
import { contractFromAvro, contractFromJsonSchema, contractToAvro, contractToJsonSchema } from './convert';
import { loadContract, readCatalogDir } from './index';
import {
  CUSTOM_PROPERTY_KEYS,
  OPTION_KEYS,
  PROPERTY_KEYS,
  QUALITY_KEYS,
  QUALITY_METRICS,
  QUALITY_TYPES,
  ROOT_KEYS,
  SCHEMA_OBJECT_KEYS,
  SLA_KEYS,
} from './odcs-keys';
import { documentArbitrary } from './testing/arbitrary-document';

/** The standard's own JSON schema, and a validator that knows nothing of ours. */
const PACKAGES = ['open-data-contract-standard==3.1.2', 'jsonschema==4.25.1'];
const VENV = path.join(os.tmpdir(), 'millrace-engines', 'odcs-3.1.2');

/** Made once a machine, beside its final place: a venv that was cut short is never used. */
function prepare(): string | null {
  const python = path.join(VENV, 'bin', 'python');
  if (existsSync(python)) return python;
  const draft = `${VENV}.${process.pid}`;
  try {
    mkdirSync(path.dirname(VENV), { recursive: true });
    execFileSync('python3', ['-m', 'venv', draft], { stdio: 'pipe' });
    execFileSync(path.join(draft, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...PACKAGES], {
      stdio: 'pipe',
    });
    renameSync(draft, VENV);
    return python;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (process.env.CI) throw error;
    process.stderr.write(
      `the standard's schema is not at hand (${(error as Error).message.split('\n')[0]}); nothing is compared\n`,
    );
    return null;
  }
}

const CHECK = `
import json, sys, jsonschema, pathlib, open_data_contract_standard as odcs
schema = json.loads((pathlib.Path(odcs.__file__).parent / 'schema.json').read_text())
validator = jsonschema.Draft201909Validator(schema)
print(json.dumps([[e.json_path + ': ' + e.message for e in validator.iter_errors(d)] for d in json.load(sys.stdin)]))
`;

interface Schema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly $defs: Readonly<Record<string, Schema>>;
  readonly allOf: readonly { readonly if: unknown; readonly then: Schema }[];
  readonly oneOf: readonly Schema[];
  readonly enum?: readonly string[];
}

const python = prepare();

(python ? describe : noPython)('the official schema of ODCS 3.1', () => {
  const official = (documents: readonly unknown[]): string[][] =>
    JSON.parse(
      execFileSync(python ?? '', ['-c', CHECK], { input: JSON.stringify(documents), encoding: 'utf8' }),
    ) as string[][];

  const schema = (): Schema => {
    const where = execFileSync(python ?? '', ['-c', 'import open_data_contract_standard as o; print(o.__path__[0])'], {
      encoding: 'utf8',
    });
    return JSON.parse(readFileSync(path.join(where.trim(), 'schema.json'), 'utf8')) as Schema;
  };
  const keysOf = (...parts: readonly Schema[]): string[] =>
    [...new Set(parts.flatMap((part) => Object.keys(part.properties)))].sort();
  const sorted = (keys: Iterable<string>): string[] => [...keys].sort();

  it('accepts every bundled contract', () => {
    const catalog = readCatalogDir();
    expect(official(catalog.map(({ yaml }) => parse(yaml) as unknown))).toEqual(catalog.map(() => []));
  });

  it('accepts every contract that we make: of other schemas, and at random', () => {
    const random = fc.sample(documentArbitrary, { numRuns: 60, seed: 9 });
    const options = { name: 'imported', version: '1.0.0', eventTypes: ['imported'] };
    const imported = random.flatMap((document) => {
      const contract = loadContract(JSON.stringify(document));
      return [
        contractFromJsonSchema(JSON.stringify(contractToJsonSchema(contract).schema), options).document,
        contractFromAvro(JSON.stringify(contractToAvro(contract).schema), options).document,
      ];
    });
    const foreign = contractFromJsonSchema(
      '{"type":"object","required":["a"],"properties":{"a":{"enum":["x",null]},"b-c":{"type":["string","integer"]}}}',
      options,
    ).document;
    const documents = [...random, ...imported, foreign];
    expect(official(documents)).toEqual(documents.map(() => []));
  });

  it('knows exactly the keys that we know', () => {
    const { properties, $defs } = schema();
    expect(sorted(ROOT_KEYS)).toEqual(keysOf({ properties } as Schema));
    expect(sorted(SCHEMA_OBJECT_KEYS)).toEqual(keysOf($defs.SchemaElement, $defs.SchemaObject));
    const byType = $defs.SchemaBaseProperty.allOf.slice(1).map((branch) => branch.then);
    expect(sorted(PROPERTY_KEYS)).toEqual(keysOf($defs.SchemaElement, $defs.SchemaBaseProperty, ...byType));
    const quality = [
      $defs.DataQuality,
      $defs.DataQualityLibrary,
      $defs.DataQualitySql,
      $defs.DataQualityCustom,
      ...$defs.DataQualityOperators.oneOf,
    ];
    expect(sorted(QUALITY_KEYS)).toEqual(keysOf(...quality));
    expect(sorted(CUSTOM_PROPERTY_KEYS)).toEqual(keysOf($defs.CustomProperty));
    expect(sorted(SLA_KEYS)).toEqual(keysOf($defs.ServiceLevelAgreementProperty));
    expect(QUALITY_TYPES).toEqual($defs.DataQuality.properties.type.enum);
    expect(QUALITY_METRICS).toEqual($defs.DataQualityLibrary.properties.metric.enum);
  });

  it('knows exactly the options of each logical type that we know', () => {
    for (const type of Object.keys(OPTION_KEYS)) {
      const branch = schema()
        .$defs.SchemaBaseProperty.allOf.slice(1)
        .find(({ if: condition }) => JSON.stringify(condition).includes(`"const":"${type}"`));
      const options = branch?.then.properties.logicalTypeOptions;
      expect(`${type}: ${sorted(OPTION_KEYS[type])}`).toBe(`${type}: ${options ? keysOf(options) : ''}`);
    }
  });

  it('refuses what we refuse for its form', () => {
    const [{ yaml }] = readCatalogDir();
    const broken = (change: (root: Record<string, unknown>) => void): Record<string, unknown> => {
      const root = parse(yaml) as Record<string, unknown>;
      change(root);
      return root;
    };
    const firstProperty = (root: Record<string, unknown>): Record<string, unknown> =>
      (root.schema as { properties: Record<string, unknown>[] }[])[0].properties[0];
    const documents = [
      broken((root) => (root.eventTypes = [])),
      broken((root) => delete root.id),
      broken((root) => (root.kind = 'Contract')),
      broken((root) => (firstProperty(root).nullable = true)),
      broken((root) => (firstProperty(root).logicalType = 'text')),
      broken((root) => (firstProperty(root).logicalTypeOptions = { minimum: 1 })),
      broken((root) => (firstProperty(root).quality = [{ metric: 'entropy', mustBe: 0 }])),
      broken((root) => (root.customProperties = [{ property: 'eventTypes' }])),
    ];
    expect(official(documents).filter((errors) => errors.length === 0)).toEqual([]);
    for (const document of documents) expect(() => loadContract(JSON.stringify(document))).toThrow();
  });
});

function noPython(name: string, _tests: () => void): void {
  describe(name, () => it('is not compared without Python and its packages', () => expect(python).toBeNull()));
}
