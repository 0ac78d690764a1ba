import fs from 'node:fs';
import path from 'node:path';

/** The superuser's address of the database in a data folder. */
export function adminUrlOf(dataDir: string, port: number): string {
  const secrets = JSON.parse(fs.readFileSync(path.join(dataDir, 'secrets.json'), 'utf8')) as { postgres: string };
  return `postgresql://postgres:${encodeURIComponent(secrets.postgres)}@127.0.0.1:${port}/millrace`;
}
