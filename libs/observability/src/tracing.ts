import { createRequire } from 'node:module';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Span } from '@opentelemetry/api';
import type { tracing } from '@opentelemetry/sdk-node';
import { contextOf, installContext } from './context';
import { parseTraceparent } from './traceparent';

export interface TracingOptions {
  readonly service: string;
  readonly version?: string;
  /** Base URL of an OTLP/HTTP collector; `/v1/traces` is appended. Without it nothing is exported or even loaded. */
  readonly otlpEndpoint?: string;
  /** Share of new traces that are recorded, 0 to 1; an incoming trace keeps its own decision. */
  readonly sampleRatio?: number;
}

export interface Tracing {
  /** Whether spans are recorded at all. */
  readonly exporting: boolean;
  /** Sends what is buffered and stops. Never throws: a collector that is away must not fail a shutdown. */
  shutdown(): Promise<void>;
}

/** Span kinds by their OpenTelemetry names. */
export type Kind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';
const KINDS: Record<Kind, SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

export interface SpanOptions {
  readonly kind?: Kind;
  readonly attributes?: Attributes;
  /** The `traceparent` that came with a message or request; the active span otherwise. */
  readonly parent?: string;
  /** `traceparent`s of further causes, e.g. of the messages of a batch. */
  readonly links?: readonly (string | undefined)[];
}

const SCOPE = 'millrace';
/** Spans held while the collector is slow; the oldest are dropped beyond it. */
const QUEUE_SPANS_MAX = 4096;
const EXPORT_TIMEOUT_MS = 5_000;

let exporting = false;

/** Whether a provider records spans in this process. */
export function isTracing(): boolean {
  return exporting;
}

/**
 * Starts recording spans when there is a collector to send them to. The SDK (160 ms of loading) is required only then,
 * and by way of `@opentelemetry/sdk-node`, which fixes the versions that belong together.
 */
export function startTracing(options: TracingOptions): Tracing {
  if (!options.otlpEndpoint) return { exporting: false, shutdown: () => Promise.resolve() };
  const own = createRequire(__filename);
  const sdk = createRequire(own.resolve('@opentelemetry/sdk-node'));
  const base = sdk('@opentelemetry/sdk-trace-base') as typeof tracing;
  const { resourceFromAttributes, defaultResource } = sdk('@opentelemetry/resources');
  const { OTLPTraceExporter } = sdk('@opentelemetry/exporter-trace-otlp-proto');
  const exporter: tracing.SpanExporter = new OTLPTraceExporter({
    url: `${options.otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new base.BasicTracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': options.service, 'service.version': options.version ?? '' }),
    ),
    sampler: new base.ParentBasedSampler({ root: new base.TraceIdRatioBasedSampler(options.sampleRatio ?? 1) }),
    spanProcessors: [new base.BatchSpanProcessor(exporter, { maxQueueSize: QUEUE_SPANS_MAX })],
  });
  installContext();
  trace.setGlobalTracerProvider(provider);
  exporting = true;
  return {
    exporting: true,
    shutdown: async () => {
      exporting = false;
      await provider.shutdown().catch(() => undefined);
      trace.disable();
    },
  };
}

/**
 * Runs `fn` in a span named `name`; what it throws is recorded and thrown on. Where nothing records, a given parent is
 * still carried on to whatever `fn` sends, and without one `fn` runs as if called directly.
 */
export async function withSpan<T>(name: string, options: SpanOptions, fn: (span?: Span) => Promise<T> | T): Promise<T> {
  if (!exporting && options.parent === undefined) return fn();
  installContext();
  const parent = contextOf(options.parent);
  if (!exporting) return context.with(parent, fn);
  const links = (options.links ?? []).flatMap((link) => {
    const linked = parseTraceparent(link);
    return linked ? [{ context: linked }] : [];
  });
  const span = trace
    .getTracer(SCOPE)
    .startSpan(name, { kind: KINDS[options.kind ?? 'internal'], attributes: options.attributes, links }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => fn(span));
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/**
 * A span for a request that came in, or undefined where nothing records. The caller enters and ends it: a request's
 * end is an event, not the return of a function.
 */
export function startServerSpan(
  name: string,
  traceparent: string | undefined,
  attributes: Attributes,
): Span | undefined {
  if (!exporting) return undefined;
  return trace.getTracer(SCOPE).startSpan(name, { kind: SpanKind.SERVER, attributes }, contextOf(traceparent));
}

/** Marks a span as failed by `error`: status, `error.type` and an exception event. */
export function failSpan(span: Span, error: unknown): void {
  const code = (error as { code?: unknown } | null)?.code;
  const type = typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
  if (error instanceof Error) span.recordException(error);
}
