/** Keys, what is sealed under them, and tokens: how personal data is kept apart from those who may not see it. */
export { KEY_BYTES, open, seal, SEAL_OVERHEAD_BYTES, sealInto } from './cipher';
export { DailyKeys, type DailyKeysDeps, type DayWithKey, isDailyKey, type NamedKey } from './daily-keys';
export { KeyError, type KeyErrorCode } from './errors';
export type { MasterKeys, WrappedKey } from './master-keys';
export { openHeaders, openValues, SEALED_RECORD_OVERHEAD_BYTES, type SealableHeaders, sealRecords } from './record';
export { derive, parseToken, reverse, reversibleToken, token, tokenKey, type TokenKey } from './tokens';
export { noMasterKeys } from './wrapping';
