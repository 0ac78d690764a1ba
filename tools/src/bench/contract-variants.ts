import fs from 'node:fs';
import path from 'node:path';
import { WORKSPACE_ROOT } from '../start/services';
import { contractsInForce } from './publication';
import type { Bench } from './with-millrace';

const DEMO = path.join(WORKSPACE_ROOT, 'demo', 'shipments');
const CONTRACT = 'shipment_status_changed';

/** Beside what the bundled contract asks for: tokens, sealed lines, values from lists, windows by facility. */
const ADDED = `
  - property: enrich
    value:
      - { dimension: carriers, key: $.payload.carrier_code, columns: { carrier_name: name } }
      - { dimension: facilities, key: $.payload.facility_id, columns: { facility_name: name, facility_tz: tzone } }
  - property: rules
    value:
      - { id: eta_after_pickup, left: $.payload.eta, is: '>', right: $.payload.planned_pickup }
      - { id: some_distance, left: $.payload.distance_miles, is: '>', value: 0, severity: warning }
      - { id: known_facility, key: $.payload.facility_id, in: { dimension: facilities }, severity: warning }
`;

/**
 * Turns on whatever a contract can ask for: lookups in two dimensions, rules of events and of days, beside the tokens,
 * sealed lines, windows and drift that the bundled contract has anyway. Returns once curation works by it.
 */
export async function everythingOn(bench: Bench): Promise<void> {
  for (const dimension of ['carriers', 'facilities']) {
    const body = fs.readFileSync(path.join(DEMO, `${dimension}.csv`));
    await done(fetch(`${bench.origin}/v1/dimensions/${dimension}`, { method: 'PUT', headers: CSV, body }));
  }
  await change(bench, (bundled) => bundled.trimEnd() + ADDED);
}

/** Leaves what validates and what tells duplicates: no field is classified, so nothing is sealed and nothing is a token. */
export const validationOnly = (bench: Bench): Promise<void> =>
  change(bench, (bundled) =>
    bundled.replaceAll(/^ *classification: .*\n/gm, '').replace(/^ {2}- property: privacy\n(?: {4}.*\n?)+/m, ''),
  );

/** Publishes a version of the bundled contract that is otherwise. Returns once curation works by it. */
async function change(bench: Bench, of: (bundled: string) => string): Promise<void> {
  const bundled = await (await done(fetch(`${bench.origin}/v1/contracts/${CONTRACT}`))).text();
  const body = of(bundled).replace(/^version: .*$/m, 'version: 1.1.0');
  // Such a version refuses, or shows, what the bundled one does not.
  const mode = { method: 'PUT', headers: JSON_BODY, body: JSON.stringify({ mode: 'NONE' }) };
  await done(fetch(`${bench.origin}/v1/contracts/${CONTRACT}/compatibility`, mode));
  const published = await done(fetch(`${bench.origin}/v1/contracts`, { method: 'POST', headers: YAML, body }));
  await contractsInForce(bench, ((await published.json()) as { index: number }).index);
}

const CSV = { 'content-type': 'text/csv' };
const JSON_BODY = { 'content-type': 'application/json' };
const YAML = { 'content-type': 'application/yaml' };

async function done(asking: Promise<Response>): Promise<Response> {
  const response = await asking;
  if (!response.ok) throw new Error(`${response.url} was answered with ${response.status}: ${await response.text()}`);
  return response;
}
