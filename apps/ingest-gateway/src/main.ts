import { runService } from '@millrace/service';
import { AppModule } from './app.module';
import { config } from './config';

void runService({
  name: 'ingest-gateway',
  version: '0.1.0',
  description: 'Takes events in over HTTP and acknowledges them once they are durable.',
  config,
  module: (context) => AppModule.compose(context),
});
