import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { TOPICS } from '@millrace/topics';
import { ContractSource } from './strict-check';

/** Looks for newer contracts as soon as they are told of; a strict request looks as well, so a message may be lost. */
@Controller()
export class ContractsChangedController {
  constructor(@Inject(ContractSource) private readonly contracts: ContractSource) {}

  @EventPattern(TOPICS.contractsChanged.name)
  async onContractsChanged(): Promise<void> {
    await this.contracts.refresh();
  }
}
