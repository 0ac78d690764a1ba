import { type CatalogContract, readCatalogDir } from '@millrace/contracts';
import { createMemoryMessaging } from '@millrace/messaging/memory';
import { GROUPS, TOPICS } from '@millrace/topics';
import type { Faults, Resource } from './faults';
import { trimLog } from './mutants';
import { Operator } from './operator';
import { HostClock, SimProcess } from './process';
import { type Gateway, startAnalytics, startCuration, startGateway, startTableManager } from './services';
import { type Shared, WINDOWS_READER } from './shared';
import { EPOCH_MS } from './world';

/** Processes of the system, by name; each runs on a host of its own, with a clock of its own. */
export const HOSTS = [
  'ingest-gateway-1',
  'ingest-gateway-2',
  'curation-worker-1',
  'curation-worker-2',
  'table-manager-1',
  'table-manager-2',
  'analytics-api',
] as const;
type Host = (typeof HOSTS)[number];

const RESOURCES: readonly Resource[] = ['log', 'landing', 'tables', 'storage', 'models', 'keys'];
const HOUR_MS = 3_600_000;

/** All services of a Millrace: started, and started again whenever they end. */
export class System {
  private readonly clocks = new Map<Host, HostClock>();
  private readonly gateways = new Map<Host, { process: SimProcess; handlers: Gateway }>();
  private readonly running = new Map<Host, SimProcess>();
  private readonly operator: Operator;
  private release = 1;

  constructor(
    private readonly shared: Shared,
    private readonly faults: Faults,
  ) {
    this.operator = new Operator(shared, faults);
    for (const host of HOSTS) this.clocks.set(host, new HostClock(shared.world, EPOCH_MS));
  }

  start(): void {
    for (const host of HOSTS) this.launch(host);
    this.operator.start();
    this.every(10_000, () => this.trim());
    this.again(this.faults.weather.outageEveryMs, () =>
      this.faults.outage(this.faults.pick(RESOURCES), this.faults.between(200, 8_000)),
    );
    this.again(this.faults.weather.clockEveryMs, () => this.setClock());
    this.again(this.faults.weather.sessionEveryMs, () => {
      this.faults.note('session', 'lock');
      this.shared.lock.cut();
    });
  }

  /** One that is up, as a load balancer finds it. */
  gateway(): Gateway | null {
    const up = [...this.gateways.values()].filter(({ process }) => process.alive);
    return up.length === 0 ? null : this.faults.pick(up).handlers;
  }

  /** Both table-managers are started again with the contracts of the next release, one after the other. */
  upgrade(): void {
    this.release++;
    this.shared.world.trace(`release ${this.release} is rolled out`);
    void this.running.get('table-manager-1')?.die('an upgrade');
    this.shared.world.after(3_000, () => void this.running.get('table-manager-2')?.die('an upgrade'));
  }

  /** Everything that came in is in the tables, the marts and the books. */
  isDrained(): boolean {
    const { log, landing, commits, readModels, time } = this.shared;
    const inbound = log.topic(TOPICS.eventsInbound.name);
    // Who keeps positions of its own, and nobody here reads the audit.
    const caughtUp = [...Object.values(GROUPS), WINDOWS_READER].every(({ topic, group }) => {
      if (topic === TOPICS.audit.name || topic === inbound.name) return true;
      const { partitions, groups } = log.topic(topic);
      return partitions.every(({ next }, p) => (groups.get(group)?.positions[p]?.next ?? 0) === next);
    });
    const last = landing.state.manifests.size;
    const ends = inbound.partitions.map((partition) => partition.next);
    const landed = inbound.partitions.every(
      ({ next }, p) => (landing.state.positions.get(`${inbound.name}/${p}`)?.next ?? 0) === next,
    );
    const fresh = [...commits.partitions.values()].every(({ touched, built }) => touched <= built);
    return (
      caughtUp &&
      landed &&
      fresh &&
      landing.state.outbox.size === 0 &&
      landing.state.waiting.size === 0 &&
      this.operator.isAtRest() &&
      time.isAt(last) &&
      commits.isAt(last) &&
      commits.observations.isFilledTo(last) &&
      readModels.isAt(last, inbound.name, ends)
    );
  }

  private launch(host: Host): void {
    const { world } = this.shared;
    const clock = this.clocks.get(host) as HostClock;
    const process = new SimProcess(world, this.faults, host, clock, () =>
      world.after(this.faults.between(100, 4_000), () => this.launch(host)),
    );
    world.trace(`${host} starts`);
    this.running.set(host, process);
    if (host.startsWith('ingest-gateway'))
      this.gateways.set(host, { process, handlers: startGateway(process, this.shared) });
    else if (host.startsWith('curation-worker')) startCuration(process, this.shared);
    else if (host.startsWith('table-manager')) startTableManager(process, this.shared, contractsOf(this.release));
    else startAnalytics(process, this.shared);
  }

  /** Of a host, or of the database. */
  private setClock(): void {
    const clocks = [this.shared.databaseClock, ...this.clocks.values()];
    const clock = this.faults.pick(clocks);
    clock.skewMs = this.faults.pick([0, this.faults.between(-HOUR_MS, HOUR_MS)]);
    this.faults.note('clock', clock === this.shared.databaseClock ? 'database' : 'host');
    this.shared.world.trace(`a clock is off by ${clock.skewMs.toFixed(0)} ms`);
  }

  private async trim(): Promise<void> {
    const messaging = createMemoryMessaging({ log: this.shared.log });
    for (const { name } of Object.values(TOPICS)) await trimLog(this.shared, name, messaging);
  }

  private every(ms: number, work: () => unknown): void {
    this.shared.world.after(ms, () => {
      work();
      this.every(ms, work);
    });
  }

  /** About that often, while faults last. */
  private again(ms: number, work: () => void): void {
    this.shared.world.after(this.faults.between(0, 2 * ms), () => {
      if (!this.faults.active) return;
      work();
      this.again(ms, work);
    });
  }
}

const bundled = readCatalogDir();

/** Each further release brings a version of each contract with a column more. */
const releases = new Map<number, readonly CatalogContract[]>([[1, bundled]]);

function contractsOf(release: number): readonly CatalogContract[] {
  const known = releases.get(release);
  if (known) return known;
  const made = contractsOf(release - 1).map(({ file, yaml, contract }) => {
    const version = `1.${release - 1}.0`;
    const column = `      - name: dock_${release}\n        logicalType: string\n        description: Where it was handed over.\n`;
    const text = yaml
      .replace(/^version: .*$/m, `version: ${version}`)
      .replace('      - name: service_no\n', `${column}      - name: service_no\n`);
    return { file, yaml: text, contract: { ...contract, version } };
  });
  releases.set(release, made);
  return made;
}
