import { createLogger } from '@millrace/observability';
import type { ConfigSchema, Environment } from '../config/config';
import { createService, type Seams, type Service, type ServiceDefinition } from '../service';

export { configConformance } from './config-conformance';

export interface StartedService {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly service: Service;
  stop(): Promise<void>;
}

/**
 * Starts a service for a test: a free port, only the environment given, no log unless LOG_LEVEL is. Resolves when all
 * of its resources are up; `stop` rejects when something did not stop well, so that leaks fail the test.
 */
export async function startService<S extends ConfigSchema>(
  definition: ServiceDefinition<S>,
  env: Environment = {},
  seams: Seams = {},
): Promise<StartedService> {
  const logger = seams.logger ?? (env['LOG_LEVEL'] ? undefined : createLogger({ service: 'test', level: 'silent' }));
  const service = createService(definition, { PORT: '0', ...env }, { ...seams, logger });
  await service.start();
  return {
    url: service.address,
    service,
    stop: async () => {
      const errors = await service.stop();
      if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
    },
  };
}
