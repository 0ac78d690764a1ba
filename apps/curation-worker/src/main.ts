import './threads';
import { runService } from '@millrace/service';
import { AppModule } from './app.module';
import { config } from './config';

void runService({
  name: 'curation-worker',
  version: '0.1.0',
  description:
    'Checks events against their contracts, drops duplicates, quarantines what is wrong, and lands the rest once.',
  config,
  module: (context) => AppModule.compose(context),
});
