import { AppModule } from './app.module';
import { config } from './config';
import type { ServiceDefinition } from '@millrace/service';

/** The service as `main.ts` runs it and as tests start it. */
export const ingestGateway: ServiceDefinition<typeof config> = {
  name: 'ingest-gateway',
  version: '0.1.0',
  description: 'Takes events in over HTTP and acknowledges them once they are durable.',
  config,
  module: (context) => AppModule.compose(context),
};
