import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { SeriesHistogram } from './series-histogram';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** From a fraction of a millisecond to a drain's thirty seconds. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * The metrics of one service, rendered for Prometheus. Names are `millrace_<noun>_<unit>[_total]` in base units (or
 * OpenTelemetry's own, e.g. `http_server_…`); ids are never labels. Asking twice for a name gives the same metric;
 * asking for it as another kind, or with other labels, throws.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  /** `collect` runs at each scrape, for values that are read rather than kept. */
  gauge(
    name: string,
    help: string,
    labels?: readonly string[],
    collect?: (gauge: Gauge) => void | Promise<void>,
  ): Gauge;
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): Histogram;
  /** For hot paths: series are looked up once and then cost an addition. */
  seriesHistogram(name: string, help: string, labels: readonly string[], buckets?: readonly number[]): SeriesHistogram;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
  readonly contentType: string;
}

const NAME = /^(millrace|http|process|nodejs)_[a-z0-9]+(_[a-z0-9]+)*$/;

class PrometheusMetrics implements Metrics {
  readonly registry = new Registry();
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly made = new Map<string, { shape: string; metric: unknown }>();

  private once<M>(kind: string, name: string, labels: readonly string[], make: () => M): M {
    const shape = `${kind}(${labels.join()})`;
    const known = this.made.get(name);
    if (known) {
      if (known.shape !== shape) throw new Error(`metric ${name} exists as ${known.shape}, asked for as ${shape}`);
      return known.metric as M;
    }
    if (!NAME.test(name)) throw new Error(`metric ${name} is not named millrace_<noun>_<unit>[_total]`);
    const metric = make();
    this.made.set(name, { shape, metric });
    return metric;
  }

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const make = () => new Counter({ name, help, labelNames: [...labels], registers: [this.registry] });
    return this.once('counter', name, labels, make);
  }

  gauge(
    name: string,
    help: string,
    labels: readonly string[] = [],
    collect?: (gauge: Gauge) => void | Promise<void>,
  ): Gauge {
    return this.once('gauge', name, labels, () => {
      const read = collect && { collect: () => collect(gauge) };
      const gauge: Gauge = new Gauge({ name, help, labelNames: [...labels], registers: [this.registry], ...read });
      return gauge;
    });
  }

  histogram(
    name: string,
    help: string,
    labels: readonly string[] = [],
    buckets: readonly number[] = DURATION_BUCKETS_SECONDS,
  ): Histogram {
    const options = { name, help, labelNames: [...labels], buckets: [...buckets], registers: [this.registry] };
    return this.once('histogram', name, labels, () => new Histogram(options));
  }

  seriesHistogram(
    name: string,
    help: string,
    labels: readonly string[],
    buckets: readonly number[] = DURATION_BUCKETS_SECONDS,
  ): SeriesHistogram {
    return this.once('seriesHistogram', name, labels, () => {
      const metric = new SeriesHistogram(name, help, labels, buckets);
      // The registry asks a metric for its name and `get()` alone; its type names only prom-client's own classes.
      this.registry.registerMetric(metric as unknown as Histogram);
      return metric;
    });
  }

  render(): Promise<string> {
    return this.registry.metrics();
  }
}

/** Metrics labelled with the service's name, with those of the process (CPU, memory, event loop, GC) among them. */
export function createMetrics(service: string, options: { process?: boolean } = {}): Metrics {
  const metrics = new PrometheusMetrics();
  metrics.registry.setDefaultLabels({ service });
  if (options.process !== false) collectDefaultMetrics({ register: metrics.registry });
  return metrics;
}
