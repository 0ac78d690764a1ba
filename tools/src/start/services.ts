import path from 'node:path';

/** The root of the checkout: the same number of steps up from `src/start` and from `dist/start`. */
export const WORKSPACE_ROOT = path.resolve(__dirname, '..', '..', '..');

/** Compiled tools: children run from here, wherever their parent runs from. */
export const COMPILED_TOOLS = path.join(WORKSPACE_ROOT, 'tools', 'dist');

/**
 * A micro-batch of ten thousand events lives for longer than V8's young generation of 16 MiB a half, which then copies
 * it again and again: with 48 MiB the in-memory part of curation takes three quarters of the CPU, for some 100 MiB.
 */
export const CURATION_NODE_OPTIONS = ['--max-semi-space-size=48'];

/**
 * The services of the embedded set. `schema` is also what the role `millrace_<schema>` is named after; a service without
 * a database has none.
 */
export const SERVICES = [
  {
    name: 'ingest-gateway',
    schema: 'ingest_gateway',
    portVariable: 'INGEST_GATEWAY_PORT',
    portOffset: 1,
    does: 'takes events in over HTTP',
  },
  {
    name: 'curation-worker',
    schema: 'curation_worker',
    portVariable: 'CURATION_WORKER_PORT',
    portOffset: 2,
    does: 'checks, drops duplicates, quarantines, lands',
    nodeOptions: CURATION_NODE_OPTIONS,
  },
  {
    name: 'table-manager',
    schema: 'table_manager',
    portVariable: 'TABLE_MANAGER_PORT',
    portOffset: 3,
    does: 'commits tables and builds marts',
  },
  {
    name: 'analytics-api',
    schema: 'analytics_api',
    portVariable: 'ANALYTICS_API_PORT',
    portOffset: 4,
    does: 'answers from tables and marts',
  },
  {
    name: 'event-generator',
    schema: null,
    portVariable: 'EVENT_GENERATOR_PORT',
    portOffset: 5,
    does: 'plays a producer: events, data sets, loads',
  },
] as const;

type Service = (typeof SERVICES)[number];
export type ServiceName = Service['name'];

export const DATABASE_SERVICES = SERVICES.filter(
  (service): service is Extract<Service, { schema: string }> => service.schema !== null,
);

/** The compiled entry of a service. */
export const serviceEntry = (name: ServiceName): string => path.join(WORKSPACE_ROOT, 'apps', name, 'dist', 'main.js');
