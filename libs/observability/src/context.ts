import { AsyncLocalStorage } from 'node:async_hooks';
import { context, isSpanContextValid, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Context, ContextManager } from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent } from './traceparent';

/**
 * OpenTelemetry's context over Node's AsyncLocalStorage. Ours, because the one in the SDK comes with the SDK's load
 * time, and a trace is to be carried on also where nothing is exported.
 */
class AsyncContext implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    ctx: Context,
    fn: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.storage.run(ctx, () => fn.apply(self, args));
  }

  bind<T>(ctx: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const run = this.with.bind(this);
    return function (this: unknown, ...args: unknown[]) {
      return run(ctx, () => target.apply(this, args));
    } as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.storage.disable();
    return this;
  }
}

let installed = false;

/**
 * Node pays for async context from its first use on, so nothing is installed before a trace exists.
 * A host that has set a context manager of its own keeps it.
 */
export function installContext(): void {
  if (installed) return;
  installed = true;
  context.setGlobalContextManager(new AsyncContext());
}

/** The `traceparent` to hand on with a message or a request, or undefined outside of any trace. */
export function currentTraceparent(): string | undefined {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? formatTraceparent(span) : undefined;
}

/** Ids of the active trace for a log line. */
export function activeTrace(): { traceId: string; spanId: string } | undefined {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : undefined;
}

/** The context of a remote parent; the given one (by default the active one) when the header is absent or invalid. */
export function contextOf(traceparent: string | undefined, base: Context = context.active()): Context {
  const parent = parseTraceparent(traceparent);
  return parent ? trace.setSpanContext(base, parent) : base;
}

/** Runs `fn` inside the trace that `traceparent` names; just runs it when the header is absent or invalid. */
export function withTraceparent<T>(traceparent: string | undefined, fn: () => T): T {
  const parent = parseTraceparent(traceparent);
  if (!parent) return fn();
  installContext();
  return context.with(trace.setSpanContext(context.active(), parent), fn);
}
