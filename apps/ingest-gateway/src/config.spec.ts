import fs from 'node:fs';
import path from 'node:path';
import { parseConfig, parseEnvFile } from '@millrace/service';
import { configConformance } from '@millrace/service/testing';
import { config } from './config';

const folder = path.resolve(__dirname, '..', 'config');
const read = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8');

configConformance(config, folder);

it('every default leaves room for the largest request', () => {
  const values = parseConfig(config, parseEnvFile(read('minimal.env')));
  expect(values.queueBytesMax).toBeGreaterThan(values.appendBytesMax);
  expect(values.bodyBytesMax).toBeGreaterThan(values.queueBytesMax);
  expect(values.keyLockMs).toBeGreaterThan(values.queueMsMax + values.appendMsMax + values.appendRetryMsMax);
});

it.each([
  ['DATABASE_URL', 'mysql://x', /DATABASE_URL .*postgres/],
  ['GATEWAY_LINGER_MS_MAX', '-1', /GATEWAY_LINGER_MS_MAX .*0 to 1000 \(ms\)/],
  ['GATEWAY_APPENDS_IN_FLIGHT_MAX', '5', /1 to 4/],
  ['GATEWAY_BODY_BYTES_MAX', '16MiB', /GATEWAY_BODY_BYTES_MAX/],
  ['HOST', 'a b', /HOST/],
])('%s=%s is refused by name', (name, value, message) => {
  expect(() => parseConfig(config, { ...parseEnvFile(read('minimal.env')), [name]: value })).toThrow(message);
});
