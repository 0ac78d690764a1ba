import { compile, readCatalogDir } from '@millrace/contracts';
import type { Envelope } from '@millrace/envelope';
import fc from 'fast-check';
import { HEADERS } from '../testing/landing-bench';
import { originOf } from '../pipeline/received';
import type { ContractInForce } from '../contracts/in-force';
import { eventRows, selectTyped } from './event-rows';
import { RowTable } from './row-table';

const ENVELOPE: Partial<Envelope> = { tenantId: 't', eventId: 'e', source: 's', payloadJson: '{}' };
const PLACES = { parts: [{ path: 'raw/p' }], ofGroup: [{ part: 0, lineBase: 0 }] } as unknown as Parameters<
  typeof eventRows
>[2];

test('a statement about some rows says what these have in common, and nothing of the others', () => {
  const kinds = fc.array(fc.record({ eventType: fc.constantFrom('a', 'b', 'c'), eventVersion: fc.nat(3) }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(kinds, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (rows, chosen) => {
      const table = new RowTable(rows.length, 0);
      const origin = originOf(HEADERS, 'i');
      rows.forEach((row, i) => table.add({ ...ENVELOPE, ...row } as Envelope, '', origin, undefined, 0, i));
      const some = rows.flatMap((_, i) => (chosen[i] ? i : []));
      fc.pre(some.length > 0);
      const { shared, bytes } = eventRows(table, some, PLACES, 1);
      const nameOf = (row: { eventType: string; eventVersion: number }): string =>
        `${row.eventType}${row.eventVersion}`;
      expect(new Set(shared.map((group) => `${group.event_type}${group.event_version}`))).toEqual(
        new Set(some.map((i) => nameOf(rows[i]))),
      );
      expect(bytes.toString('utf8').trimEnd().split('\n')).toHaveLength(some.length);
    }),
  );
});

test('rows that do not fit are looked for where there are some, and in no other contract', () => {
  const contractOf = (label: string): ContractInForce => {
    const contract = readCatalogDir()[0];
    const compiled = compile({ ...contract.contract, drift: { ...contract.contract.drift, typeClash: 'recover' } });
    return { label, compiled, schemaHash: label };
  };
  const [a, b] = ['a', 'b'].map(contractOf);
  const table = new RowTable(4, 0);
  const add = (eventType: string, contract: ContractInForce | undefined, clashes: boolean): number =>
    table.add({ ...ENVELOPE, eventType } as Envelope, '', originOf(HEADERS, 'i'), contract, 0, 0, clashes);
  const all = [add('a', a, false), add('b', b, false), add('b', b, true), add('c', undefined, false)];
  const rows = eventRows(table, all, PLACES, 1);
  expect(rows.contracts).toEqual([a, b]);
  const looksFor = (no: number): boolean => selectTyped('t', no, rows).includes(' AND clashes)');
  expect([looksFor(0), looksFor(1)]).toEqual([false, true]);
});
