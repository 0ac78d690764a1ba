import type { ServiceDefinition } from '@millrace/service';
import { AppModule } from './app.module';
import { config } from './config';

export const service: ServiceDefinition<typeof config> = {
  name: 'table-manager',
  version: '0.1.0',
  description:
    'The only committer: applies landed batches to the tables, compacts them, rebuilds marts, publishes contracts.',
  config,
  module: (context) => AppModule.compose(context),
};
