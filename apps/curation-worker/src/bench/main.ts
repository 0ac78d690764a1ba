import { parseArgs } from 'node:util';
import { measureContracts } from './contracts';
import { measureCuration, type StepCost } from './measure';

/** What the design asks of one core: events a second, in memory. */
const EVENTS_PER_SECOND_MIN = 40_000;
/** Of so many contracts: under 2 s and 200 MB at start. */
const CONTRACTS = 1_000;

/** `node dist/bench/main.js [--rounds 7]`: prints the costs, and ends with 1 when a core does less than it should. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
  for (const [i, cost] of (await measureContracts(CONTRACTS)).entries()) {
    const { contracts, cpuSeconds, residentMb } = cost;
    process.stdout.write(
      `${contracts.toLocaleString('en-US')} contracts read at start, ${['parsed when published', 'from their YAML'][i]}: ` +
        `${cpuSeconds.toFixed(2)} s of CPU, ${residentMb.toFixed(0)} MB\n`,
    );
  }
  const { events, steps, together } = await measureCuration(Number(values.rounds));
  process.stdout.write(`${events.toLocaleString('en-US')} events of the bundled shipments; CPU time of one thread\n`);
  for (const step of [...steps, together]) process.stdout.write(`  ${line(step)}\n`);
  return perSecond(together) >= EVENTS_PER_SECOND_MIN ? 0 : 1;
}

const perSecond = ({ microseconds }: StepCost): number => 1_000_000 / microseconds;

function line(step: StepCost): string {
  const rate = Math.round(perSecond(step)).toLocaleString('en-US');
  return `${step.name.padEnd(50)} ${step.microseconds.toFixed(2).padStart(6)} µs an event ${rate.padStart(10)} a second`;
}

void main().then((code) => process.exit(code));
