import { portBaseOf, readCommandLine, whole } from '../start/command-line';
import { runCommand } from '../start/run-command';
import { diskPlaces } from './disk-places';
import { fullDisk } from './full-disk';
import { fullLog, type ScenarioOptions, tenfold } from './scenarios';
import { shutdown } from './shutdown';
import { onStage } from './stage';
import type { Finding } from './verdict';

const SCENARIOS = ['tenfold', 'full-log', 'full-disk', 'shutdown'];

const USAGE = `npm run overload -- [${SCENARIOS.join('|')} …] [options]      (default tenfold and full-log)
  --seconds N      length of a load (default 120)
  --connections N  of the load (default 2000)
  --events N       events a request (default 1)
  --log-bytes SIZE full-log: what the log may hold (default 256MiB)
  --place NAME     full-disk: only this place; may be given again
  --disk DIR       full-disk: where small disks are made (default a temporary folder)
  --rounds N       shutdown: stops in each way (default 5)
  --port-base N    ports N to N+15 (default 28000)`;

const OPTIONS = {
  seconds: { type: 'string', default: '120' },
  connections: { type: 'string', default: '2000' },
  events: { type: 'string', default: '1' },
  'port-base': { type: 'string', default: '28000' },
  disk: { type: 'string' },
  place: { type: 'string', multiple: true },
  rounds: { type: 'string', default: '5' },
  'log-bytes': { type: 'string', default: '256MiB' },
} as const;

/** `npm run overload`: loads a Millrace of its own far beyond what it can handle; ends with 1 where a promise was not kept. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal) => {
    const { values, positionals } = readCommandLine(args, OPTIONS, { usage: USAGE, words: SCENARIOS });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const options: ScenarioOptions = {
      seconds: whole('--seconds', values.seconds, 1, 86_400),
      connections: whole('--connections', values.connections, 1, 20_000),
      eventsPerRequest: whole('--events', values.events, 1, 10_000),
      tell: (line) => console.log(`  ${line}`),
    };
    const wanted = new Set(positionals.length > 0 ? positionals : ['tenfold', 'full-log']);
    const stage = { portBase: portBaseOf(values['port-base']), signal };
    let kept = true;
    if (wanted.has('tenfold')) {
      console.log(`Ten times capacity, ${values.connections} connections, ${values.events} events a request`);
      kept = report(await onStage(stage, (at) => tenfold(at, options))) && kept;
    }
    if (wanted.has('full-log')) {
      console.log(`More than can be landed, ${values['log-bytes']} of log`);
      const env = { INBOUND_LOG_BYTES_MAX: values['log-bytes'] };
      kept = report(await onStage({ ...stage, env }, (at) => fullLog(at, options))) && kept;
    }
    if (wanted.has('full-disk'))
      for (const place of diskPlaces(values.place)) {
        console.log(`A full disk under load: ${place.name}, ${place.folder}`);
        const parent = values.disk === undefined ? {} : { parent: values.disk };
        kept = report(await fullDisk(place, { ...stage, ...parent, seconds: 20, tell: options.tell })) && kept;
      }
    if (wanted.has('shutdown')) {
      console.log(`Stopped under load, ${values.rounds} times in each way`);
      const rounds = whole('--rounds', values.rounds, 1, 1_000);
      kept = report(await shutdown({ ...stage, rounds, tell: options.tell })) && kept;
    }
    return kept ? 0 : 1;
  });
}

function report(findings: readonly Finding[]): boolean {
  for (const { what, ok } of findings) console.log(`  ${ok ? '✓' : '✗'} ${what}`);
  return findings.every(({ ok }) => ok);
}
