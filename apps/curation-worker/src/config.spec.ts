import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describeConfig, describeMinimalConfig, parseConfig, parseEnvFile } from '@millrace/service';
import { config } from './config';

const file = (name: string): string => readFileSync(path.join(__dirname, '../config', name), 'utf8');

test('the reference documents every setting and is itself a valid environment with the defaults', () => {
  expect(file('reference.env')).toBe(describeConfig(config));
  const reference = parseConfig(config, parseEnvFile(file('reference.env')));
  const minimal = parseConfig(config, parseEnvFile(file('minimal.env')));
  expect(reference).toEqual(minimal);
});

test('the minimum is what has to be set, and nothing else', () => {
  expect(file('minimal.env')).toBe(describeMinimalConfig(config));
});
