import type { ConfigSchema } from './config/config';
import { ConfigError } from './config/config';
import { reasonOf } from './lifecycle/retryable';
import { createService, type Service, type ServiceDefinition } from './service';

/** sysexits.h EX_CONFIG: starting again cannot help before somebody changes the settings. */
export const EXIT_CONFIG = 78;
const EXIT_FAILURE = 1;
const GRACE_MS = 1_000;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a service until SIGTERM or SIGINT: the whole of a `main.ts`. Wrong settings (also a port that is taken) end the
 * process with 78 and a line for each; a clean stop ends it with 0; a second signal ends it at once.
 */
export async function runService<S extends ConfigSchema>(definition: ServiceDefinition<S>): Promise<void> {
  let service: Service;
  try {
    service = createService(definition, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    leave(definition.name, EXIT_CONFIG, error.problems);
    return;
  }
  stopOnSignals(service);
  crashOnBugs(service);
  try {
    await service.listen();
  } catch (error) {
    if (error instanceof ConfigError) {
      leave(definition.name, EXIT_CONFIG, error.problems);
      return;
    }
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    const variables = definition.config.fields['port']?.env.join(' or ');
    const why = { EADDRINUSE: 'is taken', EACCES: 'needs more rights', EADDRNOTAVAIL: 'is on no address of here' }[
      code
    ];
    leave(definition.name, EXIT_CONFIG, [`port ${port} ${why}; set ${variables} to another one`]);
    return;
  }
  await service.start();
}

function leave(name: string, code: number, problems: readonly string[]): void {
  const head =
    problems.length > 1 ? `${name} cannot start, ${problems.length} settings are wrong:` : `${name} cannot start:`;
  process.stderr.write(`${head}\n${problems.map((line) => `  ${line}\n`).join('')}`);
  process.exit(code);
}

function stopOnSignals(service: Service): void {
  let stopping = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stopping) process.exit(EXIT_FAILURE);
      stopping = true;
      service.logger.info({ signal }, 'stopping');
      // Should anything outlast the bounds that the service keeps itself, the process ends all the same.
      setTimeout(() => process.exit(EXIT_FAILURE), service.stopMsMax + GRACE_MS).unref();
      void service.stop().then((errors) => process.exit(errors.length === 0 ? 0 : EXIT_FAILURE));
    });
  }
}

/** An error that nobody caught leaves unknown state behind: the process ends, its supervisor starts it anew. */
function crashOnBugs(service: Service): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      service.logger.fatal({ error: error instanceof Error ? error : new Error(reasonOf(error)), event }, 'crashed');
      process.exit(EXIT_FAILURE);
    });
  }
}
