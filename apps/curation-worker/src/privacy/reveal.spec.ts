import { systemRandom } from '@millrace/observability';
import { KeyError, reversibleToken, token } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import { loadLakeKeys } from './lake-keys';
import { MemoryKeyStore } from './memory/key-store';
import { reveal, type RevealDeps } from './reveal';
import type { Subject } from './subject';
import { SubjectKeyView } from './subject-keys';

async function setUp() {
  const keys = new MemoryKeyStore();
  const lake = await loadLakeKeys(keys, createMemoryMasterKeys(systemRandom), systemRandom);
  const view = new SubjectKeyView(0, keys, lake, systemRandom, 100);
  const keyOf = async (subject: Subject) => [...(await view.ensure([subject])).values()][0].tokens;
  const deps: RevealDeps = { keys, lakeKeys: async () => lake };
  return { keys, lake, keyOf, deps };
}
const ada: Subject = { tenant: 'acme', kind: 'customer', value: 'ada' };

test('reversible tokens are turned back exactly, those of subjects and those of the lake, in their order', async () => {
  const { lake, keyOf, deps } = await setUp();
  const key = await keyOf(ada);
  const texts = ['"ada@example.org"', '12345678901234567890', 'true', '{"a":[1,null]}', '"päron \\u0000"'];
  const tokens = texts.flatMap((text) => [reversibleToken(key, text), reversibleToken(lake.tokens('acme'), text)]);
  const rows = await reveal(deps, 'acme', tokens);
  expect(rows.map((row) => 'json' in row && row.json)).toEqual(texts.flatMap((text) => [text, text]));
  expect(rows[0]).toEqual({ token: tokens[0], json: texts[0], value: 'ada@example.org' });
});

test('another tenant’s tokens are of no key, as are changed ones and those of keys that never were', async () => {
  const { lake, keyOf, deps } = await setUp();
  const ours = reversibleToken(await keyOf(ada), '"secret"');
  const theirs = [ours, reversibleToken(lake.tokens('acme'), '"secret"')];
  const unknown = (tokens: readonly string[]) => tokens.map((each) => ({ token: each, why: 'unknown' }));
  expect(await reveal(deps, 'other', theirs)).toEqual(unknown(theirs));
  const last = ours.endsWith('A') ? 'B' : 'A';
  const made = [
    `${ours.slice(0, -2)}${last}${last}`,
    ours.replace(/^rev_s\w+?_/, 'rev_szzzzzzz_'),
    ours.replace(/^rev_s\w+?_/, 'rev_l9_'),
    ours.replace(/^rev_s\w+?_/, 'rev_x1_'),
    ours.replace(/^rev_s\w+?_/, `rev_s${'z'.repeat(23)}_`),
  ];
  expect(await reveal(deps, 'acme', made)).toEqual(unknown(made));
});

test('tokens that are not reversible say so, and those of an erased subject that it was erased', async () => {
  const { keys, lake, keyOf, deps } = await setUp();
  const key = await keyOf(ada);
  const [hashed, sealed] = [token(key, '"x"'), reversibleToken(key, '"x"')];
  await keys.destroy([lake.lookup(ada)], 'e1');
  expect(await reveal(deps, 'acme', [hashed, 'no token', sealed])).toEqual([
    { token: hashed, why: 'not_reversible' },
    { token: 'no token', why: 'not_reversible' },
    { token: sealed, why: 'erased' },
  ]);
});

test('keys that cannot be had are no answer', async () => {
  const { keyOf, deps } = await setUp();
  const tokens = [reversibleToken(await keyOf(ada), '"x"')];
  const away = { ...deps, lakeKeys: () => Promise.reject(new KeyError('KEY_MASTER_UNAVAILABLE', 'the key is away')) };
  await expect(reveal(away, 'acme', tokens)).rejects.toThrow(KeyError);
});
