import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { access } from '@millrace/auth';
import { currentTraceparent, withSpan } from '@millrace/observability';
import { duration, oneOf } from '../../config/kinds';
import { defineConfig, port, runService, url } from '../../index';

const OPEN_TO_ALL = { config: { access: access('public') } };

// A whole process for run.spec.ts: a slow route, and a resource whose ways are chosen by the environment.
class ChildModule {}
Module({})(ChildModule);

const config = defineConfig({
  port: port({ env: ['PORT', 'CHILD_PORT'], default: 8099 }),
  token: url({ env: 'CHILD_URL', secret: true, optional: true }),
  slowMs: duration({ env: 'CHILD_SLOW', default: 300 }),
  way: oneOf({ env: 'CHILD_WAY', values: ['well', 'breaks', 'away', 'hangs', 'crashes'], default: 'well' }),
});

void runService({
  name: 'child',
  version: '0.0.0',
  config,
  module: ({ config: { slowMs, way }, fastify, lifecycle, logger }) => {
    lifecycle.add({
      name: 'thing',
      start: async () => {
        if (way === 'breaks') throw new Error('the thing is broken');
        if (way === 'away') throw Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED' });
      },
      stop: async () => {
        if (way === 'hangs') await new Promise(() => undefined);
        logger.info('thing stopped');
      },
    });
    fastify.get('/slow', OPEN_TO_ALL, async () => {
      logger.info('slow begins');
      await sleep(slowMs);
      return { slow: true };
    });
    fastify.post('/spans', OPEN_TO_ALL, async () => {
      await withSpan('land batch', { kind: 'consumer', attributes: { rows: 7 } }, async () => {
        const failure = Object.assign(new Error('no space'), { code: 'ENOSPC' });
        await withSpan('write file', {}, () => Promise.reject(failure)).catch(() => undefined);
      });
      return { traceparent: currentTraceparent() };
    });
    fastify.get('/crash', OPEN_TO_ALL, (_request, reply) => {
      setImmediate(() => {
        throw new Error('a bug');
      });
      void reply.send({});
    });
    return ChildModule;
  },
});
