import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { GROUPS, TOPICS, type WorkRequested } from '@millrace/topics';
import { PostgresWork } from './postgres-work';
import type { WorkStore } from './port';
import { WorkRunner } from './runner';

/** Takes what others ask for; it is durable here before the message is passed. */
@Controller()
export class WorkRequestedController {
  constructor(
    @Inject(PostgresWork) private readonly store: Pick<WorkStore, 'request' | 'cancel'>,
    @Inject(WorkRunner) private readonly runner: Pick<WorkRunner, 'wake'>,
  ) {}

  @EventPattern(TOPICS.workRequested.name, { group: GROUPS.curationWork.group })
  async onWorkRequested(@Payload() { id, action, job, by }: WorkRequested): Promise<void> {
    if (action === 'cancel') await this.store.cancel(id, by);
    else if (job) await this.store.request(id, job, by);
    this.runner.wake();
  }
}
