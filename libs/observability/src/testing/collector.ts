import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fieldsOf } from './protobuf';

/** A span as a service sent it; ids are hexadecimal. */
export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Strings and whole numbers. */
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** A collector of traces: an HTTP server that takes OTLP in protobuf, as OpenTelemetry's exporters send it. */
export class Collector {
  readonly spans: CollectedSpan[] = [];
  private readonly server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const known = request.method === 'POST' && request.url === '/v1/traces';
      if (known) this.spans.push(...spansOf(Buffer.concat(parts)));
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end();
    });
  });

  async listen(): Promise<void> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
  }

  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Spans connected with a trace: by parents and links, in either direction, however many steps away. */
  connectedTo(traceId: string): CollectedSpan[] {
    const traces = new Set([traceId]);
    for (let known = 0; known < traces.size;) {
      known = traces.size;
      for (const span of this.spans) {
        const linked = span.links.map((link) => link.traceId);
        if (!traces.has(span.traceId) && !linked.some((id) => traces.has(id))) continue;
        for (const id of [span.traceId, ...linked]) traces.add(id);
      }
    }
    return this.spans.filter((span) => traces.has(span.traceId));
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

export async function startCollector(): Promise<Collector> {
  const collector = new Collector();
  await collector.listen();
  return collector;
}

/** Field numbers of opentelemetry-proto, trace/v1/trace.proto. */
function spansOf(request: Buffer): CollectedSpan[] {
  return messages(request, 1).flatMap((resourceSpans) => {
    const resource = messages(resourceSpans, 1)[0] ?? Buffer.alloc(0);
    const service = String(attributesOf(resource, 1)['service.name'] ?? '');
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        service,
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: messages(span, 5)[0].toString(),
        attributes: attributesOf(span, 9),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
      }));
  });
}

const messages = (message: Buffer, number: number): Buffer[] =>
  [...fieldsOf(message)].flatMap((field) =>
    field.number === number && Buffer.isBuffer(field.value) ? [field.value] : [],
  );

const hex = (message: Buffer, number: number): string => messages(message, number)[0]?.toString('hex') ?? '';

function attributesOf(message: Buffer, number: number): Record<string, string | number> {
  const found: Record<string, string | number> = {};
  for (const attribute of messages(message, number)) {
    const [key, any] = [messages(attribute, 1)[0], messages(attribute, 2)[0] ?? Buffer.alloc(0)];
    for (const { number: kind, value } of fieldsOf(any)) {
      if (kind === 1 && Buffer.isBuffer(value)) found[key.toString()] = value.toString();
      if (kind === 3 && typeof value === 'bigint') found[key.toString()] = Number(value);
    }
  }
  return found;
}
