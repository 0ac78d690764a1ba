export { type ConformanceCapabilities, type ConformanceHarness, messagingConformance } from './conformance';
