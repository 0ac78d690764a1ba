import fs from 'node:fs';
import path from 'node:path';
import { createFailpoints, noFailpoints, PLACES } from '@millrace/observability/failpoints';
import { faultPlan, type PlannedFault, TARGETS } from './fault-plan';
import { WORKSPACE_ROOT } from '../start/services';
import { ELSEWHERE, failpointMatrix } from './matrix';
import { parseChaosOptions } from './options';
import { seededRandom } from './random';

function some(seed: number, count: number): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (const fault of faultPlan(seededRandom(seed))) {
    faults.push(fault);
    if (faults.length === count) return faults;
  }
  return faults;
}

it('is the same for the same seed', () => {
  expect(some(1, 100)).toEqual(some(1, 100));
  expect(some(1, 100)).not.toEqual(some(2, 100));
});

it.each([1, 2, 3])('strikes every target within 60 kills, in every way (seed %i)', (seed) => {
  const faults = some(seed, 75);
  const kills = faults.flatMap((fault) => (fault.kind === 'kill' || fault.kind === 'failpoint' ? fault.target : []));
  expect(new Set(kills.slice(0, 60))).toEqual(new Set(TARGETS));
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['kill', 'failpoint', 'stall', 'cut']));
});

it('plans only failpoints that there are', () => {
  for (const fault of some(4, 500))
    if (fault.kind === 'failpoint') expect(createFailpoints(fault.service, fault.entry)).not.toBe(noFailpoints);
});

it('the matrix has every place, those of many by name', () => {
  const { places } = failpointMatrix('');
  expect(places).toEqual(
    expect.arrayContaining([
      'curation-worker/before-commit',
      'table-manager/committed:ops.fates',
      'analytics-api/fates-counted',
    ]),
  );
  expect(failpointMatrix('gateway').places.every((place) => place.startsWith('ingest-gateway/'))).toBe(true);
});

it('what the matrix leaves out a test ends at', () => {
  const { places } = failpointMatrix('');
  for (const [service, names] of Object.entries(PLACES))
    for (const name of names) {
      const place = `${service}/${name}`;
      const spec = ELSEWHERE[place];
      if (spec === undefined) expect(places.some((one) => one.split(':')[0] === place)).toBe(true);
      else expect(fs.readFileSync(path.join(WORKSPACE_ROOT, spec), 'utf8')).toContain(`'${name}'`);
    }
  expect(Object.keys(ELSEWHERE).filter((place) => places.includes(place))).toEqual([]);
});

it('has three seeds of 60 kills by default, and refuses what is no number', () => {
  expect(parseChaosOptions([], '/tmp')).toMatchObject({ seeds: [1, 2, 3], kills: 60, failpoints: false });
  expect(parseChaosOptions(['--seed', '9', '--kills', '4'], '/tmp')).toMatchObject({ seeds: [9], kills: 4 });
  expect(parseChaosOptions(['--help'], '/tmp')).toBeNull();
  for (const args of [['--seed', 'x'], ['--kills', '0'], ['--nothing']])
    expect(() => parseChaosOptions(args, '/tmp')).toThrow(/--/);
});
