import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseConfig, parseEnvFile } from '@millrace/service';
import { configConformance } from '@millrace/service/testing';
import { config } from './config';

const folder = path.join(__dirname, '../config');

configConformance(config, folder);

test('a wrong setting is named with what it accepts', () => {
  const minimal = parseEnvFile(readFileSync(path.join(folder, 'minimal.env'), 'utf8'));
  expect(() => parseConfig(config, { ...minimal, TABLES_COMMIT_BATCHES_MAX: 'many' })).toThrow(
    /TABLES_COMMIT_BATCHES_MAX/,
  );
});
