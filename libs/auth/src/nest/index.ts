export { KeysChangedController } from './keys-changed.controller';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { access, type AccessPolicy } from '../policy';
import type { Principal } from '../principal';

/** Declares who may call a controller's method; a service does not start with a method that lacks it. */
export const Access = (...given: Parameters<typeof access>): MethodDecorator =>
  RouteConfig({ access: access(...given) satisfies AccessPolicy }) as MethodDecorator;

/** The principal that the guard let in, as a parameter of a controller's method. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<{ principal?: Principal | null }>();
  if (!principal) throw new Error('a route without a principal asks for one');
  return principal;
});
