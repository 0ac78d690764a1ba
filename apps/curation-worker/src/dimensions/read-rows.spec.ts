import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ProblemException } from '@millrace/service';
import { readRows, type SentRows } from './read-rows';

const sent = (text: string | Buffer, more: Partial<SentRows> = {}): SentRows => ({
  format: 'csv',
  body: Buffer.from(text),
  key: null,
  types: new Map(),
  ...more,
});
const refusal = async (rows: SentRows, known: Parameters<typeof readRows>[1] = null) => {
  const error = await readRows(rows, known).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ProblemException);
  const { status, problem } = error as ProblemException;
  return { status, errors: problem.errors?.map(({ path: at, rule }) => `${at} ${rule}`) };
};

describe('rows of a dimension', () => {
  it('are read from CSV with the narrowest types that hold them', async () => {
    const csv = '\ufeffcode,name,n,x,zip,open,none\r\nA,"Newark, NJ",1,1,007,true,\r\nB,,2,1.5,10001,false,\r\n';
    const { keyColumn, attributes, rows } = await readRows(sent(csv), null);
    expect(keyColumn).toBe('code');
    expect(attributes.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'name string', 'n long', 'x double', 'zip string', 'open boolean', 'none string',
    ]); // prettier-ignore
    expect(rows.map(({ values }) => values)).toEqual(['["Newark, NJ",1,1,"007",true]', '[null,2,1.5,"10001",false]']);
  });

  it('are read from JSON and lines of JSON alike, with their times and ends', async () => {
    const rows = [
      { id: 7, name: 'x', valid_from: '2026-01-02' },
      { id: '8', is_deleted: true },
    ];
    const json = await readRows(sent(JSON.stringify(rows), { format: 'json' }), null);
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    expect(await readRows(sent(lines, { format: 'ndjson' }), null)).toEqual(json);
    expect(json.rows).toEqual([
      { key: '7', fromMs: Date.UTC(2026, 0, 2), values: '["x"]' },
      { key: '8', fromMs: null, values: null },
    ]);
  });

  it('keep the columns that a dimension has, and add new ones', async () => {
    const known = { keyColumn: 'code', attributes: [{ name: 'zip', type: 'string' as const }] };
    const read = await readRows(sent('name,code,zip\nx,A,7\n'), known);
    expect(read.attributes.map(({ name }) => name)).toEqual(['zip', 'name']);
    expect(read.rows[0].values).toBe('["7","x"]');
    const typed = { keyColumn: 'code', attributes: [{ name: 'n', type: 'long' as const }] };
    expect(await refusal(sent('code,n\nA,1\nB,many\n'), typed)).toEqual({ status: 422, errors: ['$[1].n type'] });
  });

  it.each([
    ['no UTF-8', sent(Buffer.from([0x61, 0xff])), 400, undefined],
    ['a torn quote', sent('a,b\n1,"2\n'), 400, undefined],
    ['a row too short', sent('a,b\n1\n'), 400, undefined],
    ['no JSON', sent('[{]', { format: 'json' }), 400, undefined],
    ['no object', sent('[1]', { format: 'json' }), 422, ['$[0] object']],
    ['nothing', sent('', { format: 'csv' }), 422, ['$ no_rows']],
    ['an empty key', sent('a,b\n,2\n'), 422, ['$[0].a key']],
    ['a key twice', sent('a,b\n1,2\n1,3\n'), 422, ['$[1].a duplicate_key']],
    ['a bad name', sent('a,b c\n1,2\n'), 422, ['b c column_name']],
    ['a column of ours', sent('a,tenant_id\n1,2\n'), 422, ['tenant_id column_name']],
    ['two names that are one', sent('a,B,b\n1,2,3\n'), 422, ['b column_name']],
    ['a time without zone', sent('a,valid_from\n1,2026-01-01T00:00:00\n'), 422, ['$[0].valid_from timestamp']],
    ['an object as value', sent('[{"a":"1","b":{}}]', { format: 'json' }), 422, ['$[0].b type']],
    ['a type for no column', sent('a,b\n1,2\n', { types: new Map([['c', 'long']]) }), 422, ['c types']],
    ['another key', sent('a,b\n1,2\n', { key: 'c' }), 422, ['$[0].c key']],
  ] as const)('are refused with their place: %s', async (_name, rows, status, errors) => {
    const refused = await refusal(rows);
    expect(refused.status).toBe(status);
    if (errors) expect(refused.errors?.[0]).toBe(errors[0]);
  });

  it('of the shipments’ dimensions are all read', async () => {
    const demo = path.resolve(__dirname, '../../../../demo/shipments');
    const facilities = await readRows(sent(readFileSync(path.join(demo, 'facilities.csv'))), null);
    expect(facilities.rows).toHaveLength(1458);
    expect(Object.fromEntries(facilities.attributes.map(({ name, type }) => [name, type]))).toMatchObject({
      ...{ name: 'string', lat: 'double', lon: 'double', alt: 'long', tzone: 'string' },
    });
    expect((await readRows(sent(readFileSync(path.join(demo, 'carriers.csv'))), null)).rows).toHaveLength(16);
  });
});
