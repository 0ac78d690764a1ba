import { access } from '@millrace/auth';
import type { Metrics } from '@millrace/observability';
import type { FastifyInstance } from 'fastify';
import type { ResourceLifecycle } from '../lifecycle/lifecycle';
import type { Traffic } from './instrument';

interface Deps {
  readonly name: string;
  readonly version: string;
  readonly lifecycle: ResourceLifecycle;
  readonly traffic: Traffic;
  readonly metrics: Metrics;
}

/**
 * Liveness at once, readiness by resource, metrics for Prometheus. Load balancers ask without a credential; metrics tell
 * of all tenants together and are for those of the deployment.
 */
export function addHealthRoutes(fastify: FastifyInstance, { name, version, lifecycle, traffic, metrics }: Deps): void {
  const config = { beforeReady: true, access: access('public') };
  const alive = { status: 'ok', service: name, version };
  for (const path of ['/health', '/liveness']) fastify.get(path, { config }, (_request, reply) => reply.send(alive));
  fastify.get('/readiness', { config }, (_request, reply) => {
    const { ready: up, resources } = lifecycle.readiness();
    // A service that stops still answers what reaches it, and wants no more.
    const ready = up && !traffic.draining;
    if (!ready) reply.code(503).header('retry-after', '1');
    reply.header('cache-control', 'no-store').send({ status: ready ? 'ready' : 'not ready', service: name, resources });
  });
  const ofDeployment = { beforeReady: true, access: access('viewer', { deployment: true }) };
  fastify.get('/metrics', { config: ofDeployment }, async (_request, reply) => {
    reply.header('content-type', metrics.contentType);
    return metrics.render();
  });
}
