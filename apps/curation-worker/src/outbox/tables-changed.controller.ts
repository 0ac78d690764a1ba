import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Failpoint } from '@millrace/observability/failpoints';
import { GROUPS, type TablesChanged, TOPICS } from '@millrace/topics';
import { confirmTables } from './confirm-tables';
import { LandedOutbox } from './landed-outbox';

export const FAILPOINT = Symbol('failpoint');

/** Table-manager has committed: what is up to its number need not be announced again. */
@Controller()
export class TablesChangedController {
  constructor(
    @Inject(LandedOutbox) private readonly outbox: Pick<LandedOutbox, 'confirm'>,
    @Inject(FAILPOINT) private readonly failpoint: Failpoint<'curation-worker'>,
  ) {}

  @EventPattern(TOPICS.tablesChanged.name, { group: GROUPS.curationTables.group })
  async onTablesChanged(@Payload() message: TablesChanged): Promise<void> {
    await confirmTables(this.outbox, message);
    await this.failpoint('progress-confirmed');
  }
}
