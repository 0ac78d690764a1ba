import { type Operation, operationsOf } from '@millrace/service/fuzzing';
import { SERVICES, type ServiceName } from '../start/services';
import type { PortPlan } from '../start/ports';

/** Somewhere that requests are sent to, and what it says it answers. */
export interface Target {
  /** A service, or `front-door`. */
  readonly name: string;
  readonly port: number;
  /** Before the paths of its operations: how the front door tells services apart. */
  readonly prefix: string;
  readonly operations: readonly Operation[];
  /** Sends events of its own when it is asked to: how many are received is then not told by answers alone. */
  readonly producer: boolean;
}

/** What every service answers beside its documented routes. */
const SURFACE = ['/docs', '/docs/start.js', '/docs/swagger-ui.css', '/openapi.json', '/', '/favicon.ico'];

const PRODUCER = 'event-generator';

/**
 * Every service by its own port, and each again through the front door: by its public paths and under its name. The
 * routes are those of the OpenAPI documents that the services give.
 */
export async function targetsOf(ports: PortPlan): Promise<Target[]> {
  const door = ports.frontDoor.port;
  const targets = await Promise.all(
    SERVICES.map(async ({ name }) => {
      const { port } = ports.services[name as ServiceName][0] as { port: number };
      const response = await fetch(`http://127.0.0.1:${port}/openapi.json`);
      if (!response.ok) throw new Error(`${name} gives no OpenAPI document: ${response.status}`);
      const producer = name === PRODUCER;
      const documented = operationsOf(await response.json());
      const operations = [
        ...documented,
        ...SURFACE.map((path) => ({ method: 'GET', path, parameters: [], bodies: [] })),
      ];
      return [
        { name, port, prefix: '', operations, producer },
        { name: 'front-door', port: door, prefix: '', operations: documented, producer },
        { name: 'front-door', port: door, prefix: `/${name}`, operations, producer },
      ];
    }),
  );
  return targets.flat();
}

/** Ends what the producer still sends in the background. */
export async function endLoads(ports: PortPlan): Promise<void> {
  const planned = ports.services[PRODUCER][0];
  if (!planned) return;
  const origin = `http://127.0.0.1:${planned.port}/load`;
  const { rows } = (await (await fetch(origin)).json()) as { rows: readonly { id: string }[] };
  for (const { id } of rows) await fetch(`${origin}/${id}`, { method: 'DELETE' });
}
