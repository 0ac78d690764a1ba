import type { PrismaClient } from '../generated/prisma/client';
import type { Vacuumed, VacuumRecord } from './maintenance';

/** The record in the service's own schema. */
export class PrismaVacuumRecord implements VacuumRecord {
  constructor(private readonly prisma: PrismaClient) {}

  async lastRun(table: string): Promise<Date | null> {
    return (await this.prisma.vacuumRun.findUnique({ where: { tableId: table } }))?.beganAt ?? null;
  }

  async began(table: string, at: Date): Promise<void> {
    const run = { beganAt: at, files: 0, bytes: 0 };
    await this.prisma.vacuumRun.upsert({ where: { tableId: table }, create: { tableId: table, ...run }, update: run });
  }

  async done(table: string, { files, bytes }: Vacuumed): Promise<void> {
    await this.prisma.vacuumRun.update({ where: { tableId: table }, data: { files, bytes } });
  }
}
