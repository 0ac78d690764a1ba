import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Principal } from '../principal';
import { invalid, Refusal, unavailable } from '../refusal';
import { type Jwks, KeysUnavailable } from './jwks';

/** Asymmetric only: with a symmetric algorithm an issuer's public key would be a secret that everyone has. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface TokenIssuer {
  /** Values of `iss`, any of which is this issuer. */
  readonly issuers: readonly string[];
  /** One of these must be among the token's. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly jwks: Pick<Jwks, 'keyOf'>;
  /** Whose a token is whose signature, times, issuer and audience hold. */
  readonly principalOf: (claims: JWTPayload) => Principal | Refusal;
}

export interface Verified {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Verifies one issuer's tokens. `exp` is required; clocks may differ by `skewMs`. */
export async function verifyToken(
  token: string,
  issuer: TokenIssuer,
  nowMs: number,
  skewMs: number,
): Promise<Verified | Refusal> {
  try {
    const { payload } = await jwtVerify(token, issuer.jwks.keyOf, {
      algorithms: [...issuer.algorithms],
      issuer: [...issuer.issuers],
      audience: [...issuer.audiences],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: skewMs / 1000,
      currentDate: new Date(nowMs),
    });
    const found = issuer.principalOf(payload);
    if (found instanceof Refusal) return found;
    return { principal: found, expiresAtMs: (payload.exp as number) * 1000 + skewMs };
  } catch (error) {
    return refusalOf(error);
  }
}

/** jose's errors by their classes; its messages may quote what was sent and are left out. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof KeysUnavailable) return unavailable('The keys of the token issuer cannot be fetched now.');
  if (error instanceof errors.JWTExpired) return invalid('expired', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid('claims', `The claim ${CLAIMS.has(error.claim) ? error.claim : 'set'} of the token does not hold.`);
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return invalid('signature', 'The token is signed with a key that its issuer does not name.');
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return invalid('signature', 'The token is signed with an algorithm that is not taken.');
  if (error instanceof errors.JOSEError)
    return invalid('signature', 'The token is malformed, or its signature does not hold.');
  // A TypeError of jose: the key does not fit the algorithm.
  if (error instanceof TypeError) return invalid('signature', "The token's algorithm does not fit its key.");
  throw error;
}

const CLAIMS: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'sub']);

/** The `iss` that a token says it is of, unverified: only to choose who shall verify it. Null for what is no JWT. */
export function issuerOf(token: string): string | null {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString('utf8')) as { iss?: unknown } | null;
    return typeof claims?.iss === 'string' ? claims.iss : null;
  } catch {
    return null;
  }
}
