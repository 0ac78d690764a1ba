import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import { readModelsConformance } from '../testing/read-models-conformance';
import { PostgresReadModels } from './postgres-read-models';

const migrations = [{ schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') }];

readModelsConformance('postgres', async () => {
  const database = await testDatabase({ migrations });
  return {
    models: new PostgresReadModels(database.pool),
    other: new PostgresReadModels(database.pool),
    close: () => database.drop(),
  };
});
