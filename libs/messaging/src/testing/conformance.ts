import { appendConformance } from './append-conformance';
import { deliveryConformance } from './delivery-conformance';
import { groupConformance } from './group-conformance';
import { type ConformanceCapabilities, type ConformanceHarness, FULLY_CAPABLE } from './harness';
import { retentionConformance } from './retention-conformance';

export type { ConformanceCapabilities, ConformanceHarness };

/**
 * What every engine of the messaging port must do, as jest tests. An engine's own spec calls it with a factory of
 * brokers and says what the engine cannot do.
 */
export function messagingConformance(
  name: string,
  make: () => Promise<ConformanceHarness>,
  capabilities: Partial<ConformanceCapabilities> = {},
): void {
  const able = { ...FULLY_CAPABLE, ...capabilities };
  describe(`${name} keeps the messaging port's promises`, () => {
    let harness: ConformanceHarness;
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(() => harness.close());

    appendConformance(() => harness, able);
    deliveryConformance(() => harness, able);
    groupConformance(() => harness, able);
    retentionConformance(() => harness, able);
  });
}
