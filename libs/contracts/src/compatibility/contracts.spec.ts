import fc from 'fast-check';
import type { Property } from '../model';
import { contractPair } from '../testing/arbitrary-contract';
import { payloadArbitrary } from '../testing/arbitrary-payload';
import { createValidator } from '../validator';
import { checkCompatibility } from './contracts';

const PAIRS = Number(process.env.MILLRACE_COMPAT_PAIRS ?? 40);
const SEED = Number(process.env.MILLRACE_COMPAT_SEED ?? 20130201);
const PAYLOADS = 40;

const version = (version: string, properties: readonly Property[]) => ({ version, properties });

describe('verdicts about random pairs of contracts', () => {
  it('have a counter-example that the writer takes and the reader refuses, or hold for random events', () => {
    const seen = { compatible: 0, incompatible: 0, notProved: 0, events: 0 };
    fc.assert(
      fc.property(contractPair, fc.boolean(), fc.integer(), ([a, b], swap, seed) => {
        const [writer, reader] = swap ? [b, a] : [a, b];
        const verdict = checkCompatibility({
          mode: 'BACKWARD',
          proposed: version('2', reader),
          previous: [version('1', writer)],
        });
        const writes = createValidator({ properties: writer });
        const reads = createValidator({ properties: reader });
        const findings = verdict.against[0].findings;
        expect(verdict.compatible).toBe(findings.length === 0);
        for (const finding of findings) {
          if (finding.rule === 'not_proved') {
            expect(finding.counterExample).toBeNull();
            seen.notProved++;
            continue;
          }
          expect(writes(finding.counterExample?.value)).toEqual([]);
          expect(reads(finding.counterExample?.value)).not.toEqual([]);
        }
        if (!verdict.compatible) return void seen.incompatible++;
        seen.compatible++;
        for (const payload of fc.sample(payloadArbitrary(writer), { numRuns: PAYLOADS, seed })) {
          if (writes(payload).length > 0) continue;
          seen.events++;
          expect({ payload, refused: reads(payload) }).toEqual({ payload, refused: [] });
        }
      }),
      // A fixed seed: what the counts below come to is the same each time.
      { numRuns: PAIRS, seed: SEED },
    );
    // A comparison that refused, or gave up on, everything would pass without these.
    expect(seen.compatible).toBeGreaterThan(PAIRS / 10);
    expect(seen.incompatible).toBeGreaterThan(PAIRS / 10);
    expect(seen.events).toBeGreaterThan(PAIRS);
    expect(seen.notProved).toBeLessThan(PAIRS / 5);
  });
});
