export { type ConformanceCapabilities, type ConformanceHarness, messagingConformance } from './conformance';
export { ManualTime } from './manual-time';
