import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PublishedContract } from '@millrace/contracts';
import { ContractsInForce } from '../contracts/in-force';
import { createEnrich, type DimensionsInForce, type Enrich } from '../dimensions/enrich';
import { VersionIndex } from '../dimensions/index-of-versions';
import { BEGINNING, encodeValues } from '../dimensions/model';

/** What is looked up for a shipment: its carrier's name, and where its facility is. */
const LOOKUPS = [
  { dimension: 'carriers', key: 'carrier_code', file: 'carriers.csv', columns: ['name'] },
  { dimension: 'facilities', key: 'facility_id', file: 'facilities.csv', columns: ['name', 'tz', 'tzone'] },
];

/** The contracts with lookups in two dimensions added to each, and the step that does them. */
export function withLookups(
  contracts: ContractsInForce,
  demo: string,
): { contracts: ContractsInForce; enrich: Enrich } {
  const enrichments = LOOKUPS.map(({ dimension, key, columns }) => ({
    dimension,
    keyPath: [key],
    columns: columns.map((from) => ({ name: `${dimension}_${from}`, from, type: 'string' as const })),
    missing: `${dimension}_missing`,
  }));
  const enriched = contracts.contracts.map((contract): PublishedContract => ({
    ...contract,
    compiled: { ...contract.compiled, enrichments },
  }));
  return { contracts: new ContractsInForce(contracts.index, enriched), enrich: createEnrich(dimensionsOf(demo)) };
}

/** The bundled dimensions, with one version of each key. No value of theirs holds a comma. */
function dimensionsOf(demo: string): DimensionsInForce {
  const loaded = new Map(
    LOOKUPS.map(({ dimension, file }) => {
      const [head, ...lines] = readFileSync(path.join(demo, file), 'utf8').trim().split('\n');
      const attributes = head
        .split(',')
        .slice(1)
        .map((name) => ({ name, type: 'string' as const }));
      const builder = VersionIndex.builder();
      for (const line of lines) {
        const [key, ...values] = line.split(',');
        builder.add(key, [{ fromMs: BEGINNING, values: encodeValues(values) }]);
      }
      return [dimension, { attributes, index: builder.done() }] as const;
    }),
  );
  return { get: (_tenant, name) => loaded.get(name) };
}
