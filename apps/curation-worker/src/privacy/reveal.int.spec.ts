import { systemRandom } from '@millrace/observability';
import { reversibleToken } from '@millrace/privacy';
import { type AuditRecord, TOPICS } from '@millrace/topics';
import { type RunningService, runningService } from '../testing/running-service';
import { until } from '../testing/worker-under-test';
import { loadLakeKeys } from './lake-keys';
import { PostgresKeyStore } from './postgres/key-store';

let service: RunningService;
beforeAll(async () => (service = await runningService()), 60_000);
afterAll(() => service.stop());

async function audited(): Promise<AuditRecord[]> {
  const { rows } = await service.database.pool.query(
    `SELECT body FROM curation_worker.message_outbox WHERE topic = $1`,
    [TOPICS.audit.name],
  );
  const waiting = rows.map(({ body }) => body as AuditRecord);
  const [end = 0] = (await service.messaging.ends(TOPICS.audit.name)).values();
  const reader = await service.messaging.subscribe({ topic: TOPICS.audit.name, group: 'spec-reveal' });
  const told: AuditRecord[] = [];
  while (told.length < end) {
    const delivery = await reader.next();
    for (const { value } of delivery?.batches.flatMap(({ records }) => records) ?? [])
      told.push(JSON.parse(value.toString('utf8')) as AuditRecord);
  }
  await reader.close();
  return [...told, ...waiting];
}

test('a token is turned back, and the audit says who saw what of which key, never the value', async () => {
  const lake = await loadLakeKeys(new PostgresKeyStore(service.database.pool), service.master, systemRandom);
  const token = reversibleToken(lake.tokens('default'), '"ada@example.org"');
  const unknown = reversibleToken(lake.tokens('acme'), '"eve@example.org"');
  const body = { tokens: [token, unknown], reason: 'ticket 4711' };
  const answer = await service.call('POST', '/v1/tokens/reveal', body);
  expect(answer).toEqual({
    status: 200,
    body: {
      rows: [
        { token, value: 'ada@example.org', json: '"ada@example.org"' },
        { token: unknown, why: 'unknown' },
      ],
    },
  });
  let record: AuditRecord | undefined;
  await until(async () => {
    record = (await audited()).find(({ action }) => action === 'privacy.tokens_revealed');
    return record !== undefined;
  });
  expect(record).toMatchObject({ tenant: 'default', actor: 'local', subject: '2 tokens' });
  expect(record?.detail).toEqual({ reason: 'ticket 4711', keys: [expect.stringMatching(/^l\w+$/)], revealed: 1 });
  expect(JSON.stringify(record)).not.toContain('example.org');
});

test('what is no question is refused, naming the field', async () => {
  const refused = async (body: object): Promise<string[]> => {
    const { status, body: problem } = await service.call('POST', '/v1/tokens/reveal', body);
    expect(status).toBe(400);
    return [...new Set<string>(problem.errors.map(({ path }: { path: string }) => path))];
  };
  expect(await refused({ tokens: ['rev_l1_x'] })).toEqual(['$.reason']);
  expect(await refused({ tokens: [], reason: 'x' })).toEqual(['$.tokens']);
  expect(await refused({ tokens: Array(101).fill('x'), reason: 'x' })).toEqual(['$.tokens']);
  expect(await refused({ tokens: [7], reason: ' ' })).toEqual(['$.tokens', '$.reason']);
});
