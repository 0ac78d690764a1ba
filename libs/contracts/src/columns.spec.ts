import { EVENTS_COLUMNS, LINEAGE_COLUMNS, TYPED_KEY_COLUMNS } from '@millrace/topics';
import fc from 'fast-check';
import { columnProblems, contractColumns } from './columns';
import { ColumnTypeConflict, evolveColumns, type TableColumn } from './index';
import type { LogicalType, Property } from './model';

const property = (name: string, logicalType: LogicalType = 'string', more: Partial<Property> = {}): Property => ({
  name,
  logicalType,
  physicalName: null,
  decimal: null,
  required: false,
  classification: null,
  doc: '',
  limits: {},
  values: null,
  properties: [],
  items: null,
  ...more,
});

const secret = property('secret', 'string', { classification: 'restricted' });
const namesOf = (properties: readonly Property[]): string[] =>
  contractColumns({ properties }).columns.map(({ name }) => name);

describe('columns of a contract', () => {
  it.each<[string, Property, string]>([
    ['i64', property('n', 'integer', { limits: { format: 'i64' } }), 'long'],
    ['any integer', property('n', 'integer'), 'long'],
    ['u32', property('n', 'integer', { limits: { format: 'u32' } }), 'long'],
    ['i32', property('n', 'integer', { limits: { format: 'i32' } }), 'integer'],
    ['decimal', property('n', 'number', { decimal: { precision: 9, scale: 2 } }), 'decimal(9,2)'],
    ['time', property('n', 'time'), 'string'],
    ['array', property('n', 'array'), 'string'],
    ['free object', property('n', 'object'), 'string'],
  ])('%s has its type', (_what, field, type) => {
    expect(contractColumns({ properties: [field] }).columns).toMatchObject([{ name: 'n', type }]);
  });

  it('joins names with an underscore, where the contract gives no other', () => {
    const inner = [property('b'), property('c', 'string', { physicalName: 'plain' })];
    expect(namesOf([property('a', 'object', { properties: inner })])).toEqual(['a_b', 'plain']);
    expect(namesOf([property('a', 'object', { physicalName: 'z', properties: inner })])).toEqual(['z_b', 'plain']);
  });

  it('is not nullable only where everything around it is required, too', () => {
    const nested = (outer: boolean, inner: boolean): Property =>
      property('a', 'object', { required: outer, properties: [property('b', 'string', { required: inner })] });
    const nullable = (field: Property): boolean => contractColumns({ properties: [field] }).columns[0].nullable;
    expect([nested(true, true), nested(false, true), nested(true, false)].map(nullable)).toEqual([false, true, true]);
  });

  it('leaves restricted fields out, wherever they hide', () => {
    const open = property('open');
    const properties = [
      open,
      secret,
      property('object', 'object', { classification: ' Restricted ', properties: [property('inside')] }),
      property('partly', 'object', { properties: [property('shown'), secret] }),
      property('list', 'array', { items: secret }),
      property('rows', 'array', { items: property('', 'object', { properties: [property('shown'), secret] }) }),
      property('lists', 'array', { items: property('', 'array', { items: secret }) }),
    ];
    expect(namesOf(properties)).toEqual(['open', 'partly_shown']);
    const excluded = contractColumns({ properties }).excluded.map(({ path }) => path.join('.'));
    expect(excluded).toEqual(['secret', 'object', 'partly.secret', 'list', 'rows', 'lists']);
  });

  it('never takes a name of the typed table itself', () => {
    const taken = [...TYPED_KEY_COLUMNS, ...LINEAGE_COLUMNS, EVENTS_COLUMNS[EVENTS_COLUMNS.length - 1]];
    for (const { name } of taken) {
      for (const spelling of [name, name.toUpperCase()]) {
        expect(columnProblems({ properties: [property(spelling)] }, 'schema[0]')).toHaveLength(1);
      }
    }
  });
});

describe('evolveColumns', () => {
  const column = (name: string, type = 'string', nullable = false): TableColumn => ({ name, type, nullable, doc: '' });

  it('adds what is new, behind what is there', () => {
    const { columns, added } = evolveColumns([column('a'), column('b')], [column('c'), column('a')]);
    expect(columns).toEqual([column('a'), column('b', 'string', true), column('c', 'string', true)]);
    expect(added).toEqual([column('c', 'string', true)]);
  });

  it('begins a table with the columns as they are', () => {
    expect(evolveColumns([], [column('a')]).columns).toEqual([column('a')]);
  });

  it('takes names that differ by case for one column', () => {
    expect(evolveColumns([column('a')], [column('A')])).toMatchObject({ columns: [{ name: 'a' }], added: [] });
  });

  it('refuses another type', () => {
    expect(() => evolveColumns([column('a', 'long')], [column('a', 'string')])).toThrow(ColumnTypeConflict);
  });

  it('loses no column and adds none twice, whatever the versions', () => {
    const version = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(version, { minLength: 1 }), (versions) => {
        let table: readonly TableColumn[] = [];
        for (const names of versions) {
          const before: readonly TableColumn[] = table;
          table = evolveColumns(
            table,
            names.map((name) => column(name)),
          ).columns;
          expect(table.slice(0, before.length).map(({ name }) => name)).toEqual(before.map(({ name }) => name));
        }
        expect(new Set(table.map(({ name }) => name))).toEqual(new Set(versions.flat()));
        expect(table.length).toBe(new Set(versions.flat()).size);
        for (const { name, nullable } of table)
          expect(nullable).toBe(!versions.every((names) => (names as string[]).includes(name)));
      }),
    );
  });
});
