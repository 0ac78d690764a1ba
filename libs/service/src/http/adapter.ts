import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

/**
 * Nest's Fastify adapter without what a service of ours does not use: Express-style middleware (a hook on every
 * request), and Nest's own body parsers, error and not-found handlers, which would answer otherwise than raw routes do.
 */
export class ServiceAdapter extends FastifyAdapter {
  constructor(fastify: FastifyInstance) {
    // The adapter looks for its option on the instance when it is given one.
    fastify.decorate('skipMiddie', true);
    super(fastify as never);
  }

  override setErrorHandler(): never {
    return undefined as never;
  }

  override setNotFoundHandler(): never {
    return undefined as never;
  }

  override registerParserMiddleware(): void {
    return undefined;
  }
}
