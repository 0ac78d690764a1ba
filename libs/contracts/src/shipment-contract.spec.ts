import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { canonicalize, decode, type Envelope } from '@millrace/envelope';
import { compile, type CompiledContract, readCatalogDir } from './index';

const DATA = path.resolve(__dirname, '../../../demo/shipments');
const HEADERS = { format: 'event', tenant: 'default', source: 'http', at: '2026-01-01T00:00:00.000Z' } as const;

interface Manifest {
  readonly lines: number;
  readonly unique_valid_events: number;
  readonly duplicates: number;
  readonly quarantined_by_kind: Readonly<Record<string, number>>;
  readonly distinct_tailnums: number;
}

/** The kinds of damage, in the order in which the data set's maker went round them; each damaged copy has a number. */
const KINDS = [
  'truncated',
  'invalid_utf8',
  'wrong_type',
  'missing_required',
  'impossible_time',
  'unknown_status',
  'unknown_carrier',
  'nan_literal',
  'html',
  'null_event',
];

/** What each kind must be refused for. */
const CAUSES: Readonly<Record<string, string>> = {
  truncated: 'invalid_json',
  invalid_utf8: 'invalid_utf8',
  wrong_type: 'wrong_type $.payload.distance_miles',
  missing_required: 'missing_required $.payload.shipment_id',
  impossible_time: 'invalid_time',
  unknown_status: 'unknown_value $.payload.status',
  unknown_carrier: 'unknown_value $.payload.carrier_code',
  nan_literal: 'invalid_number',
  html: 'invalid_json',
  null_event: 'not_an_object',
};

describe('the shipment contract over the bundled data set', () => {
  const catalog = readCatalogDir();
  const contract: CompiledContract = compile(
    catalog.map((entry) => entry.contract).find(({ name }) => name === 'shipment_status_changed') ??
      catalog[0].contract,
  );
  const manifest = JSON.parse(readFileSync(path.join(DATA, 'expected/manifest.json'), 'utf8')) as Manifest;
  const text = gunzipSync(readFileSync(path.join(DATA, 'events.jsonl.gz'))).toString('latin1');
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line, 'latin1'));

  /** Why a line is refused, with the path where the contract refuses it; null where it is valid. */
  function causeOf(line: Buffer): string | null {
    const decoded = decode(line, HEADERS, { contractFor: () => contract });
    if (!decoded.ok) return decoded.refusal.reason;
    const [violation] = contract.validate(decoded.envelope.payload, decoded.envelope);
    return violation ? `${violation.reason} ${violation.path}` : null;
  }

  const envelopes = (): Envelope[] =>
    lines.flatMap((line) => {
      const decoded = decode(line, HEADERS, { contractFor: () => contract });
      return decoded.ok && contract.validate(decoded.envelope.payload, decoded.envelope).length === 0
        ? [decoded.envelope]
        : [];
    });

  it('refuses exactly the damaged lines, each for what is wrong with it', () => {
    expect(lines).toHaveLength(manifest.lines);
    const refused = lines.flatMap((line, index) => {
      const cause = causeOf(line);
      return cause === null ? [] : [{ index, cause, text: line.toString('latin1') }];
    });
    // Copies are damaged in turn, one kind after the other, in the order of delivery.
    const byKind: Record<string, number> = {};
    refused.forEach(({ index, cause, text: damaged }, turn) => {
      const kind = KINDS[turn % KINDS.length];
      byKind[kind] = (byKind[kind] ?? 0) + 1;
      expect(`line ${index}: ${cause}`).toBe(`line ${index}: ${CAUSES[kind]}`);
      const number = /!bad(\d+)"/.exec(damaged);
      if (number) expect(Number(number[1])).toBe(turn + 1);
    });
    expect(byKind).toEqual(manifest.quarantined_by_kind);
    expect(lines.filter((line) => line.includes('!bad')).every((line) => causeOf(line) !== null)).toBe(true);
  });

  it('accepts all others, which are the unique events and their duplicates by any strategy', () => {
    const valid = envelopes();
    expect(valid).toHaveLength(manifest.unique_valid_events + manifest.duplicates);
    const ids = new Set(valid.map((e) => `${e.source} ${e.eventId}`));
    const contents = new Set(
      valid.map((e) => canonicalize([e.eventId, e.eventType, e.source, e.eventTime, e.payload])),
    );
    const business = new Set(valid.map((e) => [field(e, 'shipment_id'), field(e, 'status'), e.eventTime].join(' ')));
    expect([ids.size, contents.size, business.size]).toEqual(Array(3).fill(manifest.unique_valid_events));
    expect(contract.dedupe).toEqual({ strategy: 'event_id', scope: 'events', windowDays: 30 });
  });

  it('makes the shipment the subject', () => {
    const valid = envelopes();
    expect(valid.every((e) => e.subject === field(e, 'shipment_id'))).toBe(true);
  });

  it('has a column for every field but the personal ones', () => {
    expect(contract.table).toBe('clean.shipment_events');
    expect(contract.columns.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '' : ' not null'}`)).toEqual(
      [
        'shipment_id string not null',
        'status string not null',
        'service_date date not null',
        'carrier_code string not null',
        'service_no long',
        'facility_id string not null',
        'geo_lat double',
        'geo_lon double',
        'lane string not null',
        'distance_miles long not null',
        'planned_pickup timestamp not null',
        'eta timestamp not null',
        'driver_id string',
      ],
    );
    expect(contract.excluded.map(({ path: at }) => at.join('.'))).toEqual(['driver.phone', 'driver.email']);
    const staged = contract.typedRows('t') + contract.typedSelect.join();
    expect(staged).not.toMatch(/phone|email/);
    expect(contract.columns.every((column) => column.doc.length > 0)).toBe(true);
  });

  it('knows the carriers of the carriers dimension and no others', () => {
    const [, ...rows] = readFileSync(path.join(DATA, 'carriers.csv'), 'utf8').trim().split('\n');
    const carrier = contract.contract.properties.find(({ name }) => name === 'carrier_code');
    expect(carrier?.values).toEqual(rows.map((row) => row.split(',')[0]));
  });

  const field = (envelope: Envelope, name: string): unknown => (envelope.payload as Record<string, unknown>)[name];
});
