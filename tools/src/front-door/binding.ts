import { isLoopback } from '@millrace/auth';
import { StartError } from '../start/start-error';

export type DoorEnvironment = Readonly<
  Partial<Record<'FRONT_DOOR_HOST' | 'HOST' | 'AUTH_MODE' | 'INGEST_AUTH_MODE', string>>
>;

/**
 * The address that the front door listens on. One that others can reach takes the services' authentication: they listen
 * on loopback behind it, and would take whoever comes through it for somebody on this machine.
 * @throws StartError that names each variable that is missing
 */
export function assertGuarded(env: DoorEnvironment): string {
  const variable = env.FRONT_DOOR_HOST ? 'FRONT_DOOR_HOST' : 'HOST';
  const host = env[variable] || '127.0.0.1';
  if (isLoopback(host)) return host;
  const open = (['AUTH_MODE', 'INGEST_AUTH_MODE'] as const).filter((name) => !env[name] || env[name] === 'none');
  if (open.length === 0) return host;
  throw new StartError(
    `${variable} is ${JSON.stringify(host)}, where others can reach the front door, and ${open.join(' and ')} ` +
      `${open.length > 1 ? 'are' : 'is'} none; set ${open.length > 1 ? 'them' : 'it'} for the services too, or use 127.0.0.1.`,
  );
}
