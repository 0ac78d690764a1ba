import './threads';
import { runService } from '@millrace/service';
import { service } from './service';

void runService(service);
