import { runService } from '@millrace/service';
import { AppModule } from './app.module';
import { config } from './config';

void runService({
  name: 'analytics-api',
  version: '0.1.0',
  description: 'Answers from the tables: marts, conservation, and the whole way of one event.',
  config,
  module: (context) => AppModule.compose(context),
});
