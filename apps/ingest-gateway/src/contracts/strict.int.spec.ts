import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { contractIndexPath, encodeContractIndex, readCatalogDir } from '@millrace/contracts';
import { TestGateway } from '../testing/gateway.client';
import { publishContracts } from '../testing/publish-contracts';
import { shipment } from '../testing/sample-events';

const NDJSON = { 'content-type': 'application/x-ndjson' };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway?.stop());
beforeEach(() => gateway.clear());

it('asks to come back while no contract is published, and takes what is not to be checked', async () => {
  const answer = await gateway.postJson('/v1/events?strict=true', shipment(1));
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('1');
  expect((await gateway.postJson('/v1/events', shipment(1))).status).toBe(202);
  expect(await gateway.items()).toHaveLength(1);
});

describe('with contracts', () => {
  beforeAll(() => publishContracts(gateway.lake));

  it('takes a request whose every item keeps its contract with 202', async () => {
    const other = { event_type: 'nobody.has.a.contract', n: 1 };
    const answer = await gateway.postJson('/v1/events?strict=true', [shipment(1), shipment(2), other]);
    expect(answer).toMatchObject({ status: 202, json: { accepted: 3, quarantined: 0, refused: 0, items: [] } });
    expect(await gateway.items()).toHaveLength(3);
  });

  it('answers 207 where items differ, keeps the good ones and nothing of the others', async () => {
    const items = [
      JSON.stringify(shipment(1)),
      JSON.stringify(shipment(2, { status: 'lost' })),
      '{"event_type":',
      JSON.stringify(shipment(4, { carrier_code: undefined })),
      '{"event_type":"x","a":1,"a":2}',
      JSON.stringify(shipment(6)),
    ];
    const answer = await gateway.post('/v1/events?strict=true', items.join('\n'), NDJSON);
    expect(answer.status).toBe(207);
    expect(answer.json).toMatchObject({ accepted: 2, quarantined: 0, refused: 4 });
    expect(answer.json.items).toMatchObject([
      {
        index: 1,
        eventId: '20130201-US2:created',
        status: 'refused',
        error: { rule: 'unknown_value', path: '$.payload.status' },
      },
      { index: 2, status: 'refused', error: { rule: 'invalid_json' } },
      { index: 3, status: 'refused', error: { rule: 'missing_required', path: '$.payload.carrier_code' } },
      { index: 4, status: 'refused', error: { rule: 'duplicate_key', path: '$.a' } },
    ]);
    expect((await gateway.items()).map(({ value }) => value.toString())).toEqual([items[0], items[5]]);
    const all = await gateway.post('/v1/events?strict=true&receipts=all', items.join('\n'), NDJSON);
    expect(all.json.items.map((i: { status: string }) => i.status)).toEqual([
      'accepted',
      'refused',
      'refused',
      'refused',
      'refused',
      'accepted',
    ]);
  });

  it('answers 400 where all are bad, with path and rule of each, and keeps nothing', async () => {
    const answer = await gateway.postJson('/v1/events?strict=true', [shipment(1, { status: 'lost' }), null]);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.json.errors).toMatchObject([
      { path: '$[0].payload.status', rule: 'unknown_value' },
      { path: '$[1]', rule: 'not_an_object' },
    ]);
    const one = await gateway.postJson('/v1/events?strict=true', shipment(1, { service_date: '2013-02-30' }));
    expect(one).toMatchObject({
      status: 400,
      json: { errors: [{ path: '$.payload.service_date', rule: 'invalid_date' }] },
    });
    expect(await gateway.items()).toEqual([]);
  });

  it('lists a hundred of very many faults, and says how many there are', async () => {
    const answer = await gateway.postJson(
      '/v1/events?strict=true',
      Array.from({ length: 1_000 }, () => ({})),
    );
    expect(answer.json.errors).toHaveLength(100);
    expect(answer.json.detail).toContain('100 of 1000');
  });

  it('takes an empty batch', async () => {
    expect(await gateway.postJson('/v1/events?strict=true', [])).toMatchObject({
      status: 202,
      json: { accepted: 0, refused: 0 },
    });
  });

  it.each(['yes', '1', 'TRUE', ''])('refuses strict=%s, which a caller would take for a check', async (value) => {
    const answer = await gateway.postJson(`/v1/events?strict=${value}`, shipment(1));
    expect(answer).toMatchObject({ status: 400, json: { errors: [{ path: 'query.strict', rule: 'enum' }] } });
    const twice = await gateway.postJson('/v1/events?strict=true&strict=true', shipment(1));
    expect(twice).toMatchObject({ status: 400, json: { errors: [{ path: 'query.strict' }] } });
    expect(await gateway.items()).toEqual([]);
  });

  it('asks to come back where the contract of an item cannot be used, and checks what others govern', async () => {
    const index = path.join(gateway.lake, contractIndexPath(2));
    const known = readCatalogDir().map(({ contract }) => contract);
    const broken = { name: 'absent', version: '1.0.0', eventTypes: ['absent.done'] };
    await writeFile(index, encodeContractIndex(2, [...known, broken]));
    const absent = { event_type: 'absent.done', n: 1 };
    const ask = () => gateway.postJson('/v1/events?strict=true', [shipment(1), absent]);
    let answer = await ask();
    // Until the index is heard of, nobody governs the item.
    for (let wait = 0; wait < 300 && answer.status === 202; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await gateway.clear();
      answer = await ask();
    }
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.json.detail).toContain('absent.done');
    expect(await gateway.items()).toEqual([]);
    const other = { event_type: 'nobody.has.a.contract', n: 1 };
    expect((await gateway.postJson('/v1/events?strict=true', [shipment(1), other])).status).toBe(202);
    expect((await gateway.postJson('/v1/events?strict=true', shipment(1, { status: 'lost' }))).status).toBe(400);
    await rm(index);
  });

  it('goes on checking against the contracts it knows when a newer index cannot be read', async () => {
    const broken = path.join(gateway.lake, contractIndexPath(3));
    await writeFile(broken, 'no index');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await gateway.postJson('/v1/events?strict=true', shipment(1))).status).toBe(202);
    expect((await gateway.postJson('/v1/events?strict=true', shipment(1, { status: 'lost' }))).status).toBe(400);
    await rm(broken);
  });
});
