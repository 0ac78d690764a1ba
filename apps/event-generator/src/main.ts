import { runService } from '@millrace/service';
import { eventGenerator } from './service';

void runService(eventGenerator);
