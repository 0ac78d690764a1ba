import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type BenchOptions, waitFor, withMillrace } from './with-millrace';

export interface Publications {
  /** From sending the request to its answer, ms. */
  readonly answered: readonly number[];
  /** From the answer until curation works by the new index, ms; 0 where it did before the answer came. */
  readonly inForce: readonly number[];
}

const POLL_MS = 5;

/** Publishes so many versions of a contract by HTTP, one after the other, and watches curation take each. */
export function publications(versions: number, options: BenchOptions = {}): Promise<Publications> {
  return withMillrace(async (bench) => {
    const answered: number[] = [];
    const inForce: number[] = [];
    for (let n = 0; n < versions; n++) {
      const began = performance.now();
      const response = await fetch(`${bench.origin}/v1/contracts`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/yaml' }, body: contract(n) },
      });
      if (response.status !== 201) throw new Error(`version ${n} was answered with ${response.status}`);
      const { index } = (await response.json()) as { index: number };
      const at = performance.now();
      answered.push(at - began);
      await contractsInForce(bench, index);
      inForce.push(performance.now() - at);
      await sleep(50);
    }
    const sorted = (values: number[]): number[] => values.sort((a, b) => a - b);
    return { answered: sorted(answered), inForce: sorted(inForce) };
  }, options);
}

/** Returns once curation works by an index. */
export async function contractsInForce(bench: Pick<Bench, 'metricsOf'>, index: number): Promise<void> {
  const current = async (): Promise<number> =>
    Number(/^millrace_contracts_index(?:\{[^}]*\})? (\d+)/m.exec(await bench.metricsOf('curation-worker'))?.[1] ?? 0);
  await waitFor(async () => (await current()) >= index, 60_000, POLL_MS);
}

const contract = (version: number): string => `
apiVersion: v3.1.0
kind: DataContract
id: 0b0e2b1a-3a35-4b0f-9d1d-1b2f6f6f7a01
name: published
version: 1.${version}.0
status: active
schema:
  - name: published
    properties:
      - { name: id, logicalType: string, required: true }
${Array.from({ length: version % 50 }, (_, i) => `      - { name: field_${i}, logicalType: integer }`).join('\n')}
customProperties:
  - { property: eventTypes, value: [published.again] }
`;
