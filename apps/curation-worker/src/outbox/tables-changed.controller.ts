import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { GROUPS, type TablesChanged, TOPICS } from '@millrace/topics';
import { LandedOutbox } from './landed-outbox';

/** Table-manager has committed: what is up to its number need not be announced again. */
@Controller()
export class TablesChangedController {
  constructor(@Inject(LandedOutbox) private readonly outbox: LandedOutbox) {}

  @EventPattern(TOPICS.tablesChanged.name, { group: GROUPS.curationTables.group })
  async onTablesChanged(@Payload() message: TablesChanged): Promise<void> {
    if (typeof message.lineId !== 'string' || !Number.isSafeInteger(message.number)) {
      throw new TypeError('tables.changed names no line and number');
    }
    await this.outbox.confirm(message.lineId, message.number);
  }
}
