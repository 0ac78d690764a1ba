export { Authenticator, type AuthenticatorDeps } from './authenticator';
export { CREDENTIAL_CHARS_MAX, type GuardedRequest, repeatedHeader } from './credentials';
export { digestOf } from './digest';
export { createGuard, type Guard, type Verdict } from './guard';
export {
  decodeKeyFile,
  encodeKeyFile,
  type KeyEntry,
  type KeyFile,
  keyFilePath,
  keyFileVersion,
  KEYS_PREFIX,
} from './keys/key-file';
export { keyIdOf, mintKey, type MintedKey } from './keys/key-format';
export { type KeyFiles, KeyRing } from './keys/key-ring';
export { isLoopback } from './loopback';
export { access, type AccessPolicy } from './policy';
export {
  HOME_TENANT,
  isRole,
  isTenant,
  LOCAL_PRINCIPAL,
  type Principal,
  type PrincipalKind,
  type Role,
  ROLES,
} from './principal';
export { Refusal } from './refusal';
export { type AccessSettings, INGEST_MODES, OPEN, PEOPLE_MODES, TASK_MODES } from './settings';
export { fetchJson } from './tokens/fetch-json';
export { ALGORITHMS } from './tokens/token-verifier';
