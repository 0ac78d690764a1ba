import { ALGORITHMS, INGEST_MODES, isLoopback, PEOPLE_MODES, TASK_MODES } from '@millrace/auth';
import { type Field, field, type FieldOptions, Refused, type Value } from '../config/field';
import { duration, string, url } from '../config/kinds';

/** Characters of a secret that somebody sets: 22 of base64 are 128 bits. */
const SECRET_CHARS_MIN = 22;
const ITEMS_MAX = 100;

/** An address to listen on. What else has to be set for one that others can reach is known only with all settings. */
export function hostField<const O extends FieldOptions<string>>(options: O): Field<Value<string, O>> {
  return field<string, O>(
    {
      accepts: 'an address (127.0.0.1, ::1, 0.0.0.0, …) or localhost',
      example: '127.0.0.1',
      format: String,
      parse: (text) => (/^[A-Za-z0-9.:_-]{1,255}$/.test(text) ? text : new Refused()),
    },
    options,
  );
}

export const reachesOthers = (host: string): boolean => !isLoopback(host);

/** Several of a closed list, separated by commas; `none` for none of them. */
function modes<const V extends string, const O extends FieldOptions<readonly NoInfer<V>[]>>(
  values: readonly V[],
  options: O,
): Field<Value<readonly V[], O>> {
  return field<readonly V[], O>(
    {
      accepts: `none, or one or more of ${values.join(', ')}, separated by commas`,
      example: values[0],
      format: (list) => (list.length === 0 ? 'none' : list.join(',')),
      parse: (text) => {
        if (text === 'none') return [];
        const given = text.split(',').map((word) => word.trim());
        const known = given.filter((word): word is V => values.includes(word as V));
        return known.length === given.length && new Set(known).size === known.length ? known : new Refused();
      },
    },
    options,
  );
}

/** Texts separated by commas. */
function list<const O extends FieldOptions<readonly string[]> & { what: string; charsMin?: number }>(
  options: O,
): Field<Value<readonly string[], O>> {
  const { what, charsMin = 1 } = options;
  return field<readonly string[], O>(
    {
      accepts: `${what}, separated by commas, of at least ${charsMin} characters each`,
      example: options.example ?? 'text',
      format: (texts) => texts.join(','),
      parse: (text) => {
        const given = text.split(',').map((word) => word.trim());

        const fits = given.every(
          (word) => word.length >= charsMin && word.length <= 4096 && !/[\0-\x20\x7f]/.test(word),
        );
        return fits && given.length <= ITEMS_MAX ? given : new Refused();
      },
    },
    options,
  );
}

const secret = { optional: true, secret: true, charsMin: SECRET_CHARS_MIN, what: 'secrets' } as const;
const people = { optional: true, what: 'e-mail addresses' } as const;

/** What every service can be told of who may call it. */
export const accessFields = {
  authMode: modes(PEOPLE_MODES, {
    env: 'AUTH_MODE',
    default: [],
    doc:
      'How people and BI tools say who they are: key (API keys of /v1/api-keys), jwt (JWT_*), iap (Identity-Aware ' +
      'Proxy, IAP_*). With none everything is allowed, and only to callers on this machine.',
  }),
  adminToken: string({
    env: 'ADMIN_TOKEN',
    optional: true,
    secret: true,
    charsMin: SECRET_CHARS_MIN,
    example: 'replace-by-output-of-openssl-rand-hex-32',
    doc: 'A bearer token that is admin, to make the first API key with. Take it away afterwards.',
  }),
  taskAuthMode: modes(TASK_MODES, {
    env: 'TASK_AUTH_MODE',
    default: [],
    doc: 'How the tasks port proves itself to /internal/*: token (X-Task-Token), oidc (OIDC_*).',
  }),
  taskTokens: list({
    ...secret,
    env: 'TASK_TOKEN',
    example: 'replace-by-output-of-openssl-rand-hex-32',
    doc: 'What X-Task-Token must be under TASK_AUTH_MODE=token. Several while one is replaced.',
  }),
  jwtIssuer: string({
    env: 'JWT_ISSUER',
    optional: true,
    example: 'https://id.example.com',
    doc: 'The claim iss of JWTs.',
  }),
  jwtAudiences: list({
    env: 'JWT_AUDIENCE',
    optional: true,
    what: 'audiences',
    example: 'millrace',
    doc: 'One of these must be in the claim aud of a JWT.',
  }),
  jwtJwksUrl: url({
    env: 'JWT_JWKS_URL',
    schemes: ['https:', 'http:'],
    optional: true,
    example: 'https://id.example.com/.well-known/jwks.json',
    doc: "Where the issuer's public keys are (RFC 7517). Fetched at most twice a minute.",
  }),
  jwtAlgorithms: modes(ALGORITHMS, {
    env: 'JWT_ALGORITHMS',
    default: ['RS256', 'ES256'],
    doc: 'Algorithms that a JWT may be signed with. Symmetric ones cannot be allowed.',
  }),
  jwtRolesClaim: string({
    env: 'JWT_ROLES_CLAIM',
    default: 'roles',
    doc: 'Claim with the roles (ingest, viewer, operator, admin, device-admin, revealer); dots lead into objects.',
  }),
  jwtTenantClaim: string({
    env: 'JWT_TENANT_CLAIM',
    optional: true,
    example: 'tenant',
    doc: 'Claim with the tenant, then required; without it all JWTs are of the tenant default.',
  }),
  oidcIssuer: string({
    env: 'OIDC_ISSUER',
    default: 'https://accounts.google.com',
    doc: 'Issuer of the OIDC tokens with which services call (Pub/Sub push, Cloud Tasks).',
  }),
  oidcJwksUrl: url({
    env: 'OIDC_JWKS_URL',
    schemes: ['https:', 'http:'],
    default: 'https://www.googleapis.com/oauth2/v3/certs',
    doc: "Where that issuer's public keys are.",
  }),
  oidcAudiences: list({
    env: 'OIDC_AUDIENCE',
    optional: true,
    what: 'audiences',
    example: 'https://ingest.example.com',
    doc: 'One of these must be in the claim aud of an OIDC token.',
  }),
  oidcServiceAccounts: list({
    ...people,
    env: 'OIDC_SERVICE_ACCOUNTS',
    example: 'push@project.iam.gserviceaccount.com',
    doc: 'Service accounts that may call; their verified address is in the token.',
  }),
  iapAudience: string({
    env: 'IAP_AUDIENCE',
    optional: true,
    example: '/projects/1/global/backendServices/2',
    doc: 'The claim aud of X-Goog-IAP-JWT-Assertion.',
  }),
  iapJwksUrl: url({
    env: 'IAP_JWKS_URL',
    schemes: ['https:', 'http:'],
    default: 'https://www.gstatic.com/iap/verify/public_key-jwk',
    doc: "Where the proxy's public keys are.",
  }),
  iapAdmins: list({
    ...people,
    env: 'IAP_ADMINS',
    example: 'ada@example.com',
    doc: 'Who of those let through is admin.',
  }),
  iapOperators: list({
    ...people,
    env: 'IAP_OPERATORS',
    example: 'ben@example.com',
    doc: 'Who is operator. All others are viewers.',
  }),
  clockSkewMs: duration({
    env: 'AUTH_CLOCK_SKEW',
    default: 30_000,
    min: 0,
    max: 300_000,
    doc: "How far a token issuer's clock may differ from ours.",
  }),
  keysPollMs: duration({
    env: 'KEYS_POLL',
    default: 10_000,
    min: 50,
    max: 30_000,
    doc: 'How often API keys are looked at when no message says that they changed.',
  }),
  keysStaleMsMax: duration({
    env: 'KEYS_STALE_MAX',
    default: 60_000,
    min: 1_000,
    max: 3_600_000,
    doc: 'API keys that could not be looked at for this long get 503: one may have been revoked.',
  }),
};

/** For services that take events in: `defineConfig({ ...ingestAccessFields, … })`. */
export const ingestAccessFields = {
  ingestAuthMode: modes(INGEST_MODES, {
    env: 'INGEST_AUTH_MODE',
    default: [],
    doc:
      'How producers say who they are: token (INGEST_TOKEN), key (API keys with the role ingest), jwt (JWT_*, role ' +
      'ingest), oidc (Pub/Sub push, OIDC_*). With none events are taken from this machine only.',
  }),
  ingestTokens: list({
    ...secret,
    env: 'INGEST_TOKEN',
    example: 'replace-by-output-of-openssl-rand-hex-32',
    doc:
      'What producers send under INGEST_AUTH_MODE=token: as bearer token, as X-API-Key, or as the user of Basic. ' +
      'Several while one is replaced.',
  }),
};
