export { EmbeddedError, type EmbeddedErrorCode } from './errors';
export { DEFAULT_SETTINGS, type Settings } from './settings';
export { type Embedded, type EmbeddedOptions, startEmbedded } from './start';
