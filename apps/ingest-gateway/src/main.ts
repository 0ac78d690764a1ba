import { runService } from '@millrace/service';
import { ingestGateway } from './service';

void runService(ingestGateway);
