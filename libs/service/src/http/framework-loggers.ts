import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@millrace/observability';
import { type FastifyBaseLogger, LogController } from 'fastify';

type Level = 'debug' | 'warn' | 'error' | 'fatal';

/**
 * Fastify's own messages: what goes wrong after an answer has begun is known nowhere else. Without children, because
 * it would make one for each request.
 */
export function fastifyLogger(logger: Logger): FastifyBaseLogger {
  const line = (level: Level) => (fields: unknown, message?: string) => {
    const component = { component: 'Fastify' };
    if (typeof fields === 'object') logger[level]({ ...component, ...fields }, message ?? 'a message of Fastify');
    else logger[level](component, String(fields));
  };
  const quiet = line('debug');
  const log = { level: 'warn', trace: quiet, debug: quiet, info: quiet, silent: () => undefined };
  const own = { ...log, warn: line('warn'), error: line('error'), fatal: line('fatal'), child: () => own };
  return own as unknown as FastifyBaseLogger;
}

/** Nest's own messages: warnings and errors as such, the rest at debug. */
export function nestLogger(logger: Logger): LoggerService {
  const line =
    (level: Level) =>
    (message: unknown, ...rest: unknown[]) => {
      const context = rest.at(-1);
      const component = { component: typeof context === 'string' ? context : 'Nest' };
      if (message instanceof Error) logger[level]({ ...component, error: message }, message.message);
      else logger[level](component, String(message));
    };
  const quiet = line('debug');
  return { log: quiet, debug: quiet, verbose: quiet, warn: line('warn'), error: line('error'), fatal: line('fatal') };
}

/** What Fastify says of ordinary requests is left out: instrument.ts and the error handler tell of those. */
export class FaultsOnly extends LogController {
  override incomingRequest(): void {
    return undefined;
  }

  override requestCompleted(): void {
    return undefined;
  }

  override defaultErrorLog(): void {
    return undefined;
  }

  override routeNotFound(): void {
    return undefined;
  }
}
