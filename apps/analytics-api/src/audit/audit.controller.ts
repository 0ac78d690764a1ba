import { Controller, Get, Inject, Query } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { HOME_TENANT, type Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { type AuditRecord, GROUPS, TOPICS } from '@millrace/topics';
import { type Prisma, PrismaClient } from '../generated/prisma/client';

const PAGE_ROWS = 100;

/** Keeps what services say was done, and shows it, newest first. */
@ApiTags('audit')
@Controller()
export class AuditController {
  constructor(@Inject(PrismaClient) private readonly prisma: PrismaClient) {}

  @EventPattern(TOPICS.audit.name, { group: GROUPS.analyticsAudit.group })
  async onAudit(@Payload() record: AuditRecord): Promise<void> {
    const { id, at, service, action, subject, actor, detail, tenant = HOME_TENANT } = record;
    await this.prisma.audit.createMany({
      data: [
        {
          id,
          at: new Date(at),
          tenant,
          service,
          action,
          subject,
          actor,
          detail: detail as Prisma.InputJsonValue | undefined,
        },
      ],
      skipDuplicates: true,
    });
  }

  @Get('/v1/audit')
  @Access('viewer')
  @ApiOperation({ summary: 'What was done to what others rely on, newest first' })
  @ApiQuery({ name: 'page', required: false, description: '`nextPage` of the page before' })
  async list(@Caller() { tenant }: Principal, @Query('page') page?: string): Promise<unknown> {
    const after = page === undefined ? null : decodePage(page);
    const rows = await this.prisma.audit.findMany({
      where: { tenant, ...(after && { OR: [{ at: { lt: after.at } }, { at: after.at, id: { lt: after.id } }] }) },
      orderBy: [{ at: 'desc' }, { id: 'desc' }],
      take: PAGE_ROWS + 1,
    });
    const last = rows.length > PAGE_ROWS ? rows[PAGE_ROWS - 1] : null;
    return { rows: rows.slice(0, PAGE_ROWS), ...(last && { nextPage: encodePage(last) }) };
  }
}

const encodePage = ({ at, id }: { at: Date; id: string }): string =>
  Buffer.from(`${at.toISOString()} ${id}`).toString('base64url');

function decodePage(page: string): { at: Date; id: string } {
  const match = /^(\S{24}) ([0-9a-f-]{36})$/.exec(Buffer.from(page, 'base64url').toString('utf8'));
  const at = new Date(match?.[1] ?? NaN);
  if (match && !Number.isNaN(at.getTime())) return { at, id: match[2] };
  const detail = 'page must be the nextPage of an earlier answer.';
  throw new ProblemException(400, { detail, errors: [{ path: 'query.page', rule: 'page', detail }] });
}
