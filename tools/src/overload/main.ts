import { parseArgs } from 'node:util';
import { runCommand } from '../start/run-command';
import { diskPlaces } from './disk-places';
import { fullDisk } from './full-disk';
import { fullLog, type ScenarioOptions, tenfold } from './scenarios';
import { shutdown } from './shutdown';
import { onStage } from './stage';
import type { Finding } from './verdict';

/**
 * `npm run overload [-- tenfold full-log full-disk shutdown] [--rounds 5] [--seconds 120] [--connections 2000] [--events 1] [--port-base N] [--disk DIR] [--place NAME]`: loads a
 * Millrace of its own far beyond what it can handle, and ends with 1 where a promise was not kept.
 */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '120' },
        connections: { type: 'string', default: '2000' },
        events: { type: 'string', default: '1' },
        'port-base': { type: 'string', default: '28000' },
        disk: { type: 'string' },
        place: { type: 'string', multiple: true },
        rounds: { type: 'string', default: '5' },
        'log-bytes': { type: 'string', default: '256MiB' },
      },
    });
    const options: ScenarioOptions = {
      seconds: Number(values.seconds),
      connections: Number(values.connections),
      eventsPerRequest: Number(values.events),
      tell: (line) => console.log(`  ${line}`),
    };
    const wanted = new Set(positionals.length > 0 ? positionals : ['tenfold', 'full-log']);
    const stage = { portBase: Number(values['port-base']), signal };
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
      const rounds = Number(values.rounds);
      kept = report(await shutdown({ ...stage, rounds, tell: options.tell })) && kept;
    }
    return kept ? 0 : 1;
  });
}

function report(findings: readonly Finding[]): boolean {
  for (const { what, ok } of findings) console.log(`  ${ok ? '✓' : '✗'} ${what}`);
  return findings.every(({ ok }) => ok);
}
