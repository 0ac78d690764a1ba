/** How what was seen differs from what a contract says. */
export { compareProfile, type DriftFinding } from './compare';
