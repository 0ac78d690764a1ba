import { PLACES } from '@millrace/observability/failpoints';
import { diskPlaces } from './disk-places';

test('each place where a service waits is one of its places', () => {
  const waits = diskPlaces().flatMap(({ waits: each }) => (each ? [each] : []));
  expect(waits.length).toBeGreaterThan(0);
  for (const { service, place } of waits)
    expect(PLACES[service] as readonly string[]).toContain(place.replace(/:.*/, ''));
});

test('places are named, and a name that there is not is refused', () => {
  expect(diskPlaces(['logs', 'raw']).map(({ name }) => name)).toEqual(['raw', 'logs']);
  expect(() => diskPlaces(['attic'])).toThrow('attic');
});
