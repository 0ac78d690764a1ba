import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';

/**
 * Nest's Fastify adapter without what a service of ours does not use: Express-style middleware (a hook on every
 * request) and Nest's own error and not-found handlers, which would answer in another format than the raw routes do.
 */
export class ServiceAdapter extends FastifyAdapter {
  constructor(options: FastifyHttpOptions<Server>) {
    super({ ...options, skipMiddie: true } as never);
  }

  get fastify(): FastifyInstance {
    return this.getInstance() as unknown as FastifyInstance;
  }

  override setErrorHandler(): never {
    return undefined as never;
  }

  override setNotFoundHandler(): never {
    return undefined as never;
  }

  /** JSON is parsed by the service's own parser, which raw routes share. */
  override registerParserMiddleware(): void {
    return undefined;
  }
}
