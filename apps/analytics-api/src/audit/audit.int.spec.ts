import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { LOCAL_PRINCIPAL } from '@millrace/auth';
import { testDatabase } from '@millrace/postgres/testing';
import type { AuditRecord } from '@millrace/topics';
import { PrismaClient } from '../generated/prisma/client';
import { AuditController } from './audit.controller';

const migrations = [{ schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') }];

interface Page {
  rows: { id: string; subject: string }[];
  nextPage?: string;
}

test('records are kept once and shown newest first, page by page', async () => {
  const database = await testDatabase({ migrations });
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, max: 2 }) });
  try {
    const controller = new AuditController(prisma);
    const records = Array.from({ length: 230 }, (_, i): AuditRecord => ({
      id: randomUUID(),
      // Several of one moment: the id decides between them.
      at: new Date(1_767_225_600_000 + Math.floor(i / 7) * 1000).toISOString(),
      service: 'table-manager',
      action: 'contracts.published',
      subject: `contract ${i}`,
      actor: 'table-manager',
      ...(i % 2 === 0 && { detail: { index: i } }),
    }));
    const others = { ...records[0], id: randomUUID(), tenant: 'other' };
    for (const record of [others, ...records, ...records.slice(0, 20)]) await controller.onAudit(record);
    const seen: Page['rows'] = [];
    let page: string | undefined;
    do {
      const answer = (await controller.list(LOCAL_PRINCIPAL, page)) as Page;
      seen.push(...answer.rows);
      page = answer.nextPage;
    } while (page !== undefined);
    const newestFirst = [...records].sort((a, b) => (a.at === b.at ? (a.id < b.id ? 1 : -1) : a.at < b.at ? 1 : -1));
    expect(seen.map((row) => row.id)).toEqual(newestFirst.map((record) => record.id));
    const ofOther = (await controller.list({ ...LOCAL_PRINCIPAL, tenant: 'other' })) as Page;
    expect(ofOther.rows.map((row) => row.id)).toEqual([others.id]);
    await expect(controller.list(LOCAL_PRINCIPAL, 'nonsense')).rejects.toMatchObject({ status: 400 });
  } finally {
    await prisma.$disconnect();
    await database.drop();
  }
});
