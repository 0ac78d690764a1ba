import type { ServiceDefinition } from '@millrace/service';
import { AppModule } from './app.module';
import { config } from './config';

/** The service as `main.ts` runs it and as tests start it. */
export const eventGenerator: ServiceDefinition<typeof config> = {
  name: 'event-generator',
  version: '0.1.0',
  description: 'Plays a producer: single events, whole data sets, and loads whose outcome is known beforehand.',
  config,
  module: (context) => AppModule.compose(context),
};
