import fc from 'fast-check';
import ts from 'typescript';
import { readCatalogDir } from '../index';
import { loadContract } from '../load-contract';
import type { Contract } from '../model';
import { documentArbitrary } from '../testing/arbitrary-document';
import { payloadArbitrary } from '../testing/arbitrary-payload';
import { createValidator } from '../validator';
import { tableDdl, WAREHOUSES, warehouseType } from './ddl';
import { contractPage } from './markdown';
import { contractTypes } from './typescript';

const [shipments] = readCatalogDir().map(({ yaml }) => loadContract(yaml));

/** What the compiler says about a module, with the library's own types. */
function compile(text: string): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
    lib: ['lib.es2022.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, language) =>
    name === 'types.ts' ? ts.createSourceFile(name, text, language) : getSourceFile.call(host, name, language);
  const program = ts.createProgram(['types.ts'], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('TypeScript types', () => {
  it('compile, and take what the contract takes', () => {
    const modules = fc.sample(documentArbitrary, { numRuns: 30, seed: 3 }).map((document, i) => {
      const contract = loadContract(JSON.stringify({ ...document, name: `c${i}` }));
      const validate = createValidator(contract);
      const payloads = fc
        .sample(payloadArbitrary(contract.properties), { numRuns: 12, seed: i })
        .map((payload) => JSON.parse(JSON.stringify(payload)) as unknown)
        .filter((payload) => validate(payload).length === 0);
      return { contract, payloads };
    });
    const uses = modules.flatMap(({ payloads }, i) =>
      payloads.map((payload, n) => `export const value_${i}_${n}: C${i} = ${JSON.stringify(payload)};`),
    );
    expect(uses.length).toBeGreaterThan(50);
    expect(compile([contractTypes(modules.map(({ contract }) => contract)), ...uses].join('\n'))).toEqual([]);
  });

  it('refuse what the contract refuses', () => {
    const types = contractTypes([shipments]);
    const given = `${types}\nexport const x: EventPayloads['shipment.status.changed']['status'] =`;
    expect(compile(`${given} 'delivered';`)).not.toContainEqual(expect.stringContaining('not assignable'));
    expect(compile(`${given} 'lost';`)).toContainEqual(expect.stringContaining('not assignable'));
  });
});

describe('table definitions', () => {
  it.each(WAREHOUSES)('have every column on %s', (warehouse) => {
    const sql = tableDdl(shipments, warehouse);
    for (const name of ['event_id', 'shipment_id', 'geo_lat', '_batch_id', 'event_date']) expect(sql).toContain(name);
    expect(sql).not.toContain('driver_phone');
    expect(sql.match(/NOT NULL/g)?.length).toBeGreaterThan(5);
  });

  it('put texts of authors between quotes', () => {
    const hostile = 'it\'s `"\\ a\nline */';
    const contract: Contract = { ...shipments, properties: shipments.properties.map((p) => ({ ...p, doc: hostile })) };
    expect(tableDdl(contract, 'postgres')).toContain("IS 'it''s `\"\\ a\nline */';");
    expect(tableDdl(contract, 'bigquery')).toContain(JSON.stringify(hostile));
    expect(tableDdl(contract, 'delta')).toContain("COMMENT 'it\\'s `\"\\\\ a\\nline */'");
    expect(compile(contractTypes([contract]))).toEqual([]);
  });

  it('name decimals with their digits', () => {
    expect(WAREHOUSES.map((warehouse) => warehouseType(warehouse, 'decimal(6,2)'))).toEqual([
      'DECIMAL(6,2)',
      'DECIMAL(6,2)',
      'numeric(6,2)',
      'NUMERIC(6,2)',
    ]);
    expect(() => warehouseType('duckdb', 'blob')).toThrow(RangeError);
  });
});

it('a page shows fields, rules, personal data, repeats and lateness', () => {
  const page = contractPage(shipments);
  for (const text of [
    '# shipment_status_changed 1.0.0',
    '- Repeats: recognised by the event id for 30 days',
    '- Late after: 3 days',
    '| `geo.lat` | number | yes | minimum `-90`; maximum `90` | `geo_lat` double |  | Latitude in degrees, WGS 84. |',
    'have no column: `driver.phone`, `driver.email`.',
  ])
    expect(page).toContain(text);
});
