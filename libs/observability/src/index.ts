export { causedBy, LINKS_MAX } from './causes';
export { type Clock, systemClock } from './clock';
export { activeTrace, currentTraceparent, withTraceparent } from './context';
export {
  createLogger,
  LOG_FIELDS,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  scrub,
} from './logger';
export {
  type Counter,
  createMetrics,
  DURATION_BUCKETS_SECONDS,
  type Gauge,
  type Histogram,
  type Metrics,
} from './metrics';
export { type Random, systemRandom } from './random';
export { type Series, SeriesHistogram } from './series-histogram';
export { formatTraceparent, parseTraceparent } from './traceparent';
export {
  failSpan,
  isTracing,
  type Kind,
  type SpanOptions,
  startServerSpan,
  startTracing,
  type Tracing,
  type TracingOptions,
  withSpan,
} from './tracing';
