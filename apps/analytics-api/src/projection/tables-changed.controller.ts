import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Failpoint } from '@millrace/observability/failpoints';
import { GROUPS, type TablesChanged, TOPICS } from '@millrace/topics';
import { PostgresReadModels } from './postgres-read-models';

export const FAILPOINT = Symbol('failpoint');
export const REFRESH_CATALOG = Symbol('refresh the catalog');

/** Records what table-manager committed and rebuilt, and looks for the catalog that says so. */
@Controller()
export class TablesChangedController {
  constructor(
    @Inject(PostgresReadModels) private readonly readModels: PostgresReadModels,
    @Inject(REFRESH_CATALOG) private readonly refreshCatalog: () => void,
    @Inject(FAILPOINT) private readonly failpoint: Failpoint<'analytics-api'>,
  ) {}

  @EventPattern(TOPICS.tablesChanged.name, { group: GROUPS.analyticsTables.group })
  async onTablesChanged(@Payload() commit: TablesChanged): Promise<void> {
    await this.readModels.recordCommit(commit);
    this.refreshCatalog();
    await this.failpoint('commit-recorded');
  }
}
