import { createLogger } from '@millrace/observability';
import { StartError } from '../start/start-error';
import { CONFIG_EXIT_CODE } from '../start/supervisor';
import { assertGuarded } from './binding';
import type { Upstream } from './forward';
import { createFrontDoor } from './server';

function upstreamsFrom(text: string | undefined): Upstream[] {
  const accepts = 'FRONT_DOOR_UPSTREAMS takes JSON: {"ingest-gateway": ["http://127.0.0.1:8081"], …}';
  if (!text) throw new Error(`${accepts}; it is not set.`);
  try {
    const origins = JSON.parse(text) as Record<string, string[]>;
    return Object.entries(origins).map(([service, urls]) => ({ service, origins: urls.map((url) => new URL(url)) }));
  } catch (error) {
    throw new Error(`${accepts}; ${(error as Error).message}.`, { cause: error });
  }
}

function guardedHost(): string {
  try {
    return assertGuarded(process.env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(CONFIG_EXIT_CODE);
  }
}

function main(): void {
  const log = createLogger({ service: 'front-door' });
  const host = guardedHost();
  const port = Number(process.env['PORT'] ?? process.env['FRONT_DOOR_PORT'] ?? 8080);
  const door = createFrontDoor(upstreamsFrom(process.env['FRONT_DOOR_UPSTREAMS']));
  door.server.listen(port, host, () => log.info({ host, port }, 'the front door is open'));
  door.server.on('error', (error) => {
    log.fatal({ error }, 'the front door cannot listen');
    process.exit(1);
  });
  const drain = (): void => void door.drain().then(() => process.exit(0));
  process.once('SIGTERM', drain);
  process.once('SIGINT', drain);
}

if (require.main === module) main();
