import type { Envelope } from '@millrace/envelope';
import type { ContractInForce } from '../contracts/in-force';
import { createEnrich, type LoadedHistory } from './enrich';
import { VersionIndex } from './index-of-versions';
import { BEGINNING, encodeValues } from './model';

const KEYS = 200;

/** As many tenants as are asked for have a dimension of their own. */
function historyOf(tenant: string): LoadedHistory {
  const builder = VersionIndex.builder();
  for (let key = 0; key < KEYS; key++)
    builder.add(`k${key}`, [{ fromMs: BEGINNING, values: encodeValues([`${tenant}-${key}`]) }]);
  return { attributes: [{ name: 'name', type: 'string' }], index: builder.done() };
}

const contract = {
  label: 'c@1.0.0',
  compiled: {
    enrichments: [
      { dimension: 'd', keyPath: ['k'], columns: [{ name: 'n', from: 'name', type: 'string' }], missing: 'd_missing' },
    ],
  },
} as unknown as ContractInForce;

test('what is remembered of many tenants is bounded, and beyond it every answer stays right', () => {
  const histories = new Map(['a', 'b', 'c', 'd'].map((tenant) => [tenant, historyOf(tenant)]));
  let asked = 0;
  const dimensions = {
    get: (tenant: string) => {
      asked++;
      return histories.get(tenant);
    },
  };
  const enrich = createEnrich(dimensions, 20_000);
  for (let round = 0; round < 2; round++)
    for (const tenant of histories.keys())
      for (let key = 0; key < KEYS; key++) {
        const event = { tenantId: tenant, eventTime: '2026-01-01T00:00:00Z', payload: { k: `k${key}` } };
        expect(enrich(event as unknown as Envelope, contract)).toBe(`{"n":"${tenant}-${key}","d_missing":false}`);
      }
  // It was forgotten on the way; what fits is not.
  expect(asked).toBeGreaterThan(histories.size);
  const roomy = createEnrich(dimensions);
  asked = 0;
  for (const tenant of [...histories.keys(), ...histories.keys()])
    roomy(
      { tenantId: tenant, eventTime: '2026-01-01T00:00:00Z', payload: { k: 'k1' } } as unknown as Envelope,
      contract,
    );
  expect(asked).toBe(histories.size);
});
