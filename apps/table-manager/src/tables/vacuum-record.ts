import type { PrismaClient } from '../generated/prisma/client';
import type { Vacuumed, VacuumRecord, VacuumRun } from './maintenance';

/** The record in the service's own schema. */
export class PrismaVacuumRecord implements VacuumRecord {
  constructor(private readonly prisma: PrismaClient) {}

  lastRun(table: string): Promise<VacuumRun | null> {
    return this.prisma.vacuumRun.findUnique({ where: { tableId: table } });
  }

  async began(table: string, { beganAt, horizon }: VacuumRun): Promise<void> {
    const run = { beganAt, horizon, files: 0, bytes: 0 };
    await this.prisma.vacuumRun.upsert({ where: { tableId: table }, create: { tableId: table, ...run }, update: run });
  }

  async done(table: string, { files, bytes }: Vacuumed): Promise<void> {
    await this.prisma.vacuumRun.update({ where: { tableId: table }, data: { files, bytes } });
  }
}
