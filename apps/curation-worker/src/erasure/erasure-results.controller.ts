import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type ErasureResult, GROUPS, TOPICS } from '@millrace/topics';
import { PostgresErasureStore } from './postgres-store';

/** Takes what table-manager tells of the deletion of rows; it is durable here before the message is passed. */
@Controller()
export class ErasureResultsController {
  constructor(@Inject(PostgresErasureStore) private readonly store: Pick<PostgresErasureStore, 'told'>) {}

  @EventPattern(TOPICS.erasureResults.name, { group: GROUPS.curationErasures.group })
  async onErasureResult(@Payload() result: ErasureResult): Promise<void> {
    await this.store.told(result);
  }
}
