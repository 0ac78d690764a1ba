import path from 'node:path';
import { configConformance } from '@millrace/service/testing';
import { config } from './config';

configConformance(config, path.join(__dirname, '../config'));
