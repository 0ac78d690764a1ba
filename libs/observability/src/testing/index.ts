export { type CollectedSpan, Collector, startCollector } from './collector';
