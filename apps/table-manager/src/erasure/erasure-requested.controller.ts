import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type ErasureRequested, GROUPS, TOPICS } from '@millrace/topics';
import { PostgresTableErasures } from './postgres-store';

/** Takes what curation-worker asks for; it is durable here before the message is passed. */
@Controller()
export class ErasureRequestedController {
  constructor(@Inject(PostgresTableErasures) private readonly store: Pick<PostgresTableErasures, 'request'>) {}

  @EventPattern(TOPICS.erasureRequested.name, { group: GROUPS.tableManagerErasures.group })
  async onErasureRequested(@Payload() request: ErasureRequested): Promise<void> {
    await this.store.request(request);
  }
}
