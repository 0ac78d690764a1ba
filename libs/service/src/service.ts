import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import {
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  type Random,
  startTracing,
  systemClock,
  systemRandom,
  type Tracing,
} from '@millrace/observability';
import type { FastifyInstance } from 'fastify';
import { type Access, AccessControl } from './access/control';
import { accessSettings } from './access/settings';
import { type CommonConfig, type ConfigOf, type ConfigSchema, type Environment, parseConfig } from './config/config';
import { addHealthRoutes } from './http/health';
import { nestLogger } from './http/framework-loggers';
import { createHttpServer, type HttpLimits, type HttpServer } from './http/server';
import { type Lifecycle, ResourceLifecycle } from './lifecycle/lifecycle';
import { type OpenApi, OpenApiParts } from './openapi/document';
import { addDocsRoutes } from './openapi/routes';
import { DtoPipe, ProblemFilter } from './problem/nest';

/** Share of the time to stop in which requests may finish; the rest is for the resources. */
const DRAIN_SHARE = 2 / 3;

/** What a service is built from; handed to its composition root. */
export interface ServiceContext<C> {
  readonly name: string;
  readonly version: string;
  readonly config: C;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifecycle: Lifecycle;
  /** For raw routes: register them in the composition root, and describe them to `openapi`. */
  readonly fastify: FastifyInstance;
  readonly openapi: OpenApi;
  readonly access: Access;
  /** Serves `@EventPattern` handlers by a transport of ours; starts and stops at this place among the resources. */
  consume(name: string, strategy: CustomTransportStrategy): void;
}

/** The settings that the bootstrap itself needs. */
export type ServiceConfig = CommonConfig & { readonly port: number };

export interface ServiceDefinition<S extends ConfigSchema> {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly config: S;
  readonly http?: HttpLimits;
  /** The composition root: declares resources and raw routes, and names the Nest module. */
  module(context: ServiceContext<ConfigOf<S>>): DynamicModule | Type | Promise<DynamicModule | Type>;
}

/** Replacements for what a service takes from its surroundings, for tests and simulations. */
export interface Seams {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Gets the public keys of token issuers. */
  readonly fetchJson?: (url: string) => Promise<unknown>;
}

export interface Service {
  readonly name: string;
  readonly logger: Logger;
  /** Longest time that `stop` takes. */
  readonly stopMsMax: number;
  /** Serves HTTP, resources or not; resolves with the base URL. */
  listen(): Promise<string>;
  /** Listens, then starts the resources; resolves when all are up, rejects (everything undone) when one cannot be. */
  start(): Promise<void>;
  /** Drains and stops within `shutdownMsMax`; resolves with what did not go well. Any number of calls is one. */
  stop(): Promise<readonly Error[]>;
  /** The Nest application; only once it listens. */
  readonly app: INestApplication;
  /** Base URL, e.g. `http://127.0.0.1:8081`; only once it listens. */
  readonly address: string;
  /** Who may call each route; complete once it listens. */
  readonly policies: AccessControl['policies'];
}

/** Makes a service from its definition and an environment. Throws a ConfigError that names all that is wrong there. */
export function createService<S extends ConfigSchema>(
  definition: ServiceDefinition<S>,
  env: Environment,
  seams: Seams = {},
): Service {
  const config = parseConfig(definition.config, env) as ConfigOf<S> & ServiceConfig;
  if (typeof config.port !== 'number') throw new Error(`${definition.name}: its config declares no port`);
  return new RunningService(definition, config, seams);
}

class RunningService<S extends ConfigSchema> implements Service {
  readonly name: string;
  readonly logger: Logger;
  readonly stopMsMax: number;
  private readonly metrics: Metrics;
  private readonly random: Random;
  private readonly lifecycle: ResourceLifecycle;
  private readonly access: AccessControl;
  private readonly http: HttpServer;
  private readonly openapi = new OpenApiParts();
  private readonly strategies: { strategy: CustomTransportStrategy; connected(app: INestApplication): void }[] = [];
  private nest?: INestApplication;
  private tracing?: Tracing;
  private listening?: Promise<string>;
  private stopping?: Promise<readonly Error[]>;
  private url?: string;

  constructor(
    private readonly definition: ServiceDefinition<S>,
    private readonly config: ConfigOf<S> & ServiceConfig,
    private readonly seams: Seams,
  ) {
    const { name } = definition;
    this.name = name;
    this.stopMsMax = config.shutdownMsMax;
    this.logger = seams.logger ?? createLogger({ service: name, level: config.logLevel });
    this.metrics = createMetrics(name);
    this.random = seams.random ?? systemRandom;
    if (config.failpoints !== '') this.logger.warn('MILLRACE_FAILPOINTS is set: this process is a test');
    this.lifecycle = new ResourceLifecycle({
      logger: this.logger,
      random: this.random,
      stopMsMax: config.shutdownMsMax,
    });
    this.access = new AccessControl({
      host: config.host,
      settings: accessSettings(config),
      pollMs: config.keysPollMs,
      clock: seams.clock ?? systemClock,
      logger: this.logger,
      metrics: this.metrics,
      lifecycle: this.lifecycle,
      fetchJson: seams.fetchJson,
    });
    this.http = createHttpServer({
      logger: this.logger,
      metrics: this.metrics,
      random: this.random,
      limits: definition.http,
      access: this.access,
    });
  }

  get app(): INestApplication {
    if (!this.nest) throw new Error(`${this.name} does not listen yet`);
    return this.nest;
  }

  get address(): string {
    if (this.url === undefined) throw new Error(`${this.name} does not listen yet`);
    return this.url;
  }

  get policies(): AccessControl['policies'] {
    return this.access.policies;
  }

  listen(): Promise<string> {
    return (this.listening ??= this.open());
  }

  async start(): Promise<void> {
    try {
      await this.listen();
      await this.lifecycle.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.lifecycle.started) this.http.traffic.closedBecause = undefined;
  }

  stop(): Promise<readonly Error[]> {
    return (this.stopping ??= this.close());
  }

  private async open(): Promise<string> {
    const { name, version, description } = this.definition;
    const { config, logger, metrics, lifecycle, openapi, access } = this;
    const { adapter, fastify, onError } = this.http;
    this.tracing = startTracing({
      service: name,
      version,
      otlpEndpoint: config.otlpEndpoint,
      sampleRatio: config.traceRatio,
    });
    addHealthRoutes(fastify, { name, version, lifecycle, traffic: this.http.traffic, metrics });
    addDocsRoutes(fastify, `Millrace ${name}`, () =>
      openapi.build(this.app, { name, version, description }, access.policies),
    );
    const clock = this.seams.clock ?? systemClock;
    const consume = this.consume.bind(this);
    const module = await this.definition.module({
      ...{
        name,
        version,
        config,
        logger,
        metrics,
        clock,
        random: this.random,
        lifecycle,
        fastify,
        openapi,
        access,
        consume,
      },
    });
    const app = await NestFactory.create(module, adapter, { logger: nestLogger(logger), abortOnError: false });
    this.nest = app;
    app.useGlobalFilters(new ProblemFilter(onError));
    app.useGlobalPipes(new DtoPipe());
    for (const { strategy, connected } of this.strategies) {
      connected(app.connectMicroservice({ strategy }, { inheritAppConfig: true }) as unknown as INestApplication);
    }
    await app.init();
    access.assertSafe();
    await fastify.listen({ host: config.host, port: config.port });
    const { address, family, port } = fastify.server.address() as AddressInfo;
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    logger.info({ address: this.url, version }, 'listening');
    return this.url;
  }

  private consume(name: string, strategy: CustomTransportStrategy): void {
    let connected: { listen(): Promise<unknown>; close(): Promise<unknown> } | undefined;
    this.strategies.push({
      strategy,
      connected: (microservice) => (connected = microservice as unknown as typeof connected),
    });
    this.lifecycle.add({
      name,
      start: async () => {
        await connected?.listen();
      },
      stop: async () => {
        await connected?.close();
      },
    });
  }

  private async close(): Promise<readonly Error[]> {
    const deadline = performance.now() + this.stopMsMax;
    const errors: Error[] = [];
    this.http.traffic.draining = true;
    await this.listening?.catch(() => undefined);
    const cut = await this.http.drain.run(this.stopMsMax * DRAIN_SHARE);
    if (cut) errors.push(cut);
    errors.push(...(await this.lifecycle.stop(Math.max(0, deadline - performance.now()))));
    await this.nest?.close().catch((error) => errors.push(error));
    await this.tracing?.shutdown();
    this.logger.info({ clean: errors.length === 0 }, 'stopped');
    return errors;
  }
}
