import { CREDENTIAL_CHARS_MAX, type GuardedRequest, presentedSecret } from './credentials';
import { amongDigests, digestOf } from './digest';
import { KEY_PREFIX } from './keys/key-format';
import type { KeyRing } from './keys/key-ring';
import { foreignPage } from './loopback';
import { HOME_TENANT, principal, type Principal, TASK_PRINCIPAL } from './principal';
import { forbid, invalid, missing, Refusal } from './refusal';
import type { AccessSettings } from './settings';
import { iapPrincipal, jwtPrincipal, serviceAccountPrincipal } from './tokens/claims';
import { Jwks } from './tokens/jwks';
import { issuerOf, type TokenIssuer, verifyToken } from './tokens/token-verifier';
import { VerifiedTokens } from './tokens/verified-tokens';

export interface AuthenticatorDeps {
  readonly settings: AccessSettings;
  readonly keys: Pick<KeyRing, 'verify'>;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly fetchJson: (url: string) => Promise<unknown>;
}

/** At once where it can be told at once; a promise only where a signature has to be checked. */
export type Authenticated = Principal | Refusal | Promise<Principal | Refusal>;

const ADMIN = principal('bootstrap', 'admin-token', HOME_TENANT, ['admin']);
const PRODUCER = principal('token', 'ingest-token', HOME_TENANT, ['ingest']);
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com'];
const IAP_ISSUER = 'https://cloud.google.com/iap';

/** Tells who sent a request by the credential that it presents. */
export class Authenticator {
  private readonly admin: readonly Buffer[];
  private readonly producers: readonly Buffer[];
  private readonly tasks: readonly Buffer[];
  private readonly issuers: ReadonlyMap<string, TokenIssuer>;
  private readonly taskIssuer: TokenIssuer;
  private readonly iap: TokenIssuer;
  private readonly verified: VerifiedTokens;
  private readonly verifiedTasks: VerifiedTokens;

  constructor(private readonly deps: AuthenticatorDeps) {
    const { settings } = deps;
    const { jwt, oidc, iap } = settings;
    this.admin = settings.adminToken === undefined ? [] : [digestOf(settings.adminToken)];
    this.producers = settings.ingestTokens.map(digestOf);
    this.tasks = settings.taskTokens.map(digestOf);
    this.verified = new VerifiedTokens(deps.now);
    this.verifiedTasks = new VerifiedTokens(deps.now);
    const google = {
      issuers: GOOGLE.includes(oidc.issuer) ? GOOGLE : [oidc.issuer],
      audiences: oidc.audiences,
      algorithms: ['RS256', 'ES256'] as const,
      jwks: this.jwks(oidc.jwksUrl),
    };
    const { serviceAccounts } = oidc;
    this.taskIssuer = { ...google, principalOf: serviceAccountPrincipal('task', serviceAccounts, []) };
    this.iap = {
      issuers: [IAP_ISSUER],
      audiences: iap.audience === undefined ? [] : [iap.audience],
      algorithms: ['ES256'],
      jwks: this.jwks(iap.jwksUrl),
      principalOf: iapPrincipal(iap),
    };
    const issuers = new Map<string, TokenIssuer>();
    if (settings.ingest.includes('oidc')) {
      const pushed = { ...google, principalOf: serviceAccountPrincipal('service', serviceAccounts, ['ingest']) };
      for (const name of google.issuers) issuers.set(name, pushed);
    }
    const { issuer, audiences, algorithms, jwksUrl, rolesClaim, tenantClaim = null } = jwt;
    if ((settings.people.includes('jwt') || settings.ingest.includes('jwt')) && issuer !== undefined) {
      const principalOf = jwtPrincipal({ rolesClaim, tenantClaim });
      issuers.set(issuer, { issuers: [issuer], audiences, algorithms, jwks: this.jwks(jwksUrl ?? ''), principalOf });
    }
    this.issuers = issuers;
  }

  /** The principal of a request, null where it presents nothing. `basic`: whether Basic is taken. */
  authenticate(request: GuardedRequest, basic: boolean): Authenticated | null {
    const secret = presentedSecret(request, basic);
    if (secret instanceof Refusal) return secret;
    if (secret !== null) return this.ofSecret(secret);
    const assertion = request.headers['x-goog-iap-jwt-assertion'];
    if (typeof assertion !== 'string' || !this.deps.settings.people.includes('iap')) return null;
    // The proxy lets in whoever has its cookie, which a browser sends with requests of any page.
    if (foreignPage(request)) return forbid('A page of another origin may not act here.');
    return this.ofToken(assertion, this.iap, this.verified);
  }

  /** The tasks port, or why it is not the one that calls. */
  authenticateTask(request: GuardedRequest): Authenticated {
    const { settings } = this.deps;
    const token = request.headers['x-task-token'];
    if (typeof token === 'string' && settings.task.includes('token')) {
      if (token.length > CREDENTIAL_CHARS_MAX) return invalid('malformed', 'The credential is too long.');
      return amongDigests(digestOf(token), this.tasks) ? TASK_PRINCIPAL : invalid('unknown', 'X-Task-Token is wrong.');
    }
    if (!settings.task.includes('oidc')) return missing('This takes X-Task-Token.');
    const secret = presentedSecret(request, false);
    if (secret === null) return missing('This takes the OIDC token of a service account.');
    return secret instanceof Refusal ? secret : this.ofToken(secret, this.taskIssuer, this.verifiedTasks);
  }

  private ofSecret(secret: string): Authenticated {
    if (secret.startsWith(KEY_PREFIX)) return this.deps.keys.verify(secret);
    const digest = digestOf(secret);
    // Both are looked at, so that the time does not tell which it was.
    const isAdmin = amongDigests(digest, this.admin);
    const isProducer = amongDigests(digest, this.producers);
    if (isAdmin) return ADMIN;
    if (isProducer) return PRODUCER;
    const name = issuerOf(secret);
    const issuer = name === null ? undefined : this.issuers.get(name);
    if (issuer) return this.ofToken(secret, issuer, this.verified);
    if (name !== null) return invalid('claims', 'The token is of an issuer that is not taken.');
    return invalid('unknown', 'The credential is not known.');
  }

  private ofToken(token: string, issuer: TokenIssuer, verified: VerifiedTokens): Authenticated {
    if (token.length > CREDENTIAL_CHARS_MAX) return invalid('malformed', 'The credential is too long.');
    return verified.principalOf(token, () =>
      verifyToken(token, issuer, this.deps.now(), this.deps.settings.clockSkewMs),
    );
  }

  private jwks(url: string): Jwks {
    const { fetchJson, monotonicMs } = this.deps;
    return new Jwks({ url, fetchJson, monotonicMs });
  }
}
