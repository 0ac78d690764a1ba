import { compile, loadContract, readCatalogDir } from '@millrace/contracts';

const BYTES_PER_MB = 1e6;

export interface ContractsCost {
  readonly contracts: number;
  /** CPU time of reading and compiling them, as at start. */
  readonly cpuSeconds: number;
  /** What they add to the process, garbage of reading them included. */
  readonly residentMb: number;
}

/**
 * What so many contracts cost at start, each as large as the bundled one: read from their text and made ready, their
 * validators to be compiled when the first event of their type comes.
 */
export function measureContracts(contracts: number): ContractsCost {
  const [{ yaml }] = readCatalogDir();
  const texts = Array.from({ length: contracts }, (_, i) =>
    yaml
      .replace('name: shipment_status_changed\nversion', `name: contract_${i}\nversion`)
      .replace('[shipment.status.changed]', `[type.${i}]`)
      .replace('physicalName: shipment_events', `physicalName: table_${i}`),
  );
  const before = process.memoryUsage().rss;
  const began = process.cpuUsage();
  const compiled = texts.map((text) => compile(loadContract(text)));
  const { user, system } = process.cpuUsage(began);
  const residentMb = (process.memoryUsage().rss - before) / BYTES_PER_MB;
  const names = new Set(compiled.map(({ table }) => table));
  return { contracts: names.size, cpuSeconds: (user + system) / 1e6, residentMb };
}
