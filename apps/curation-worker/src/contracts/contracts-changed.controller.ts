import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { TOPICS } from '@millrace/topics';
import { ContractsKeeper } from './keeper';

/** Only a wake-up: what changed is in storage. */
@Controller()
export class ContractsChangedController {
  constructor(@Inject(ContractsKeeper) private readonly keeper: ContractsKeeper) {}

  @EventPattern(TOPICS.contractsChanged.name)
  onContractsChanged(): Promise<void> {
    return this.keeper.wake();
  }
}
