import fc from 'fast-check';
import { systemRandom } from '@millrace/observability';
import { KeyError } from './errors';
import { openHeaders, openValues, SEALED_RECORD_OVERHEAD_BYTES, sealRecords } from './record';

const key = { id: 'd2026-11-21', key: Buffer.from(systemRandom.bytes(32)) };
const headers = { tenant: 't', attributes: '{"ce-subject":"Ada"}' };
const sealed = (values: readonly Buffer[]) => sealRecords(headers, values, key, systemRandom);
const arbitraryValues = fc
  .array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 8 })
  .map((values) => values.map((bytes) => Buffer.from(bytes)));

function codeOf(task: () => unknown): unknown {
  try {
    task();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof KeyError ? error.code : error;
  }
}

it('records are opened together, and any of them without the others', () => {
  fc.assert(
    fc.property(arbitraryValues, fc.array(fc.nat(7)), (values, picks) => {
      const { headers: named, values: hidden } = sealed(values);
      expect(openValues(named, hidden, key)).toEqual(values);
      const some = picks.map((pick) => pick % values.length);
      expect(
        openValues(
          named,
          some.map((i) => hidden[i]),
          key,
        ),
      ).toEqual(some.map((i) => values[i]));
      hidden.forEach((value, i) => expect(value.length).toBe(values[i].length + SEALED_RECORD_OVERHEAD_BYTES));
    }),
  );
});

it('nothing of values and attributes is seen, and the same is never sealed to the same', () => {
  const text = Buffer.from('{"email":"ada@example.org"}');
  const [one, other] = [sealed([text, text]), sealed([text, text])];
  const shown = (some: typeof one): string =>
    [JSON.stringify(some.headers), ...some.values.map((value) => value.toString('latin1'))].join();
  expect(shown(one)).not.toMatch(/ada|Ada|email/);
  expect(one.values[0].subarray(4).equals(other.values[0].subarray(4))).toBe(false);
  expect(one.values[0].subarray(4).equals(one.values[1].subarray(4))).toBe(false);
  expect(openHeaders(one.headers, key)).toEqual(headers);
});

it('records that were changed, or are of another key, are not opened', () => {
  const { headers: named, values } = sealed([Buffer.from('one'), Buffer.from('two')]);
  const changed = [values[0], Buffer.from(values[1])];
  changed[1][changed[1].length - 1] ^= 1;
  expect(codeOf(() => openValues(named, changed, key))).toBe('KEY_MISMATCH');
  expect(codeOf(() => openValues(named, values, { ...key, key: Buffer.alloc(32) }))).toBe('KEY_MISMATCH');
  expect(codeOf(() => openValues(named, values, { ...key, id: 'd2026-11-22' }))).toBe('KEY_MISMATCH');
});

it('what is not sealed in a known way says so', () => {
  const { headers: named, values } = sealed([Buffer.from('one')]);
  for (const seal of [undefined, '', 'a.b.c', `${named.seal}9`.replace(/^./, '')])
    expect(codeOf(() => openValues({ ...named, seal }, values, key))).toBe('KEY_MISMATCH');
  for (const value of [Buffer.alloc(0), Buffer.from([0, 0, 0, 9, 1]), Buffer.concat([values[0], values[0]])])
    expect(codeOf(() => openValues(named, [value], key))).toBe('KEY_MISMATCH');
});
