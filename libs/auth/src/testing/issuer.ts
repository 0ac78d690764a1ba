import { exportJWK, generateKeyPair, type JWK, type JWTPayload, type KeyLike, SignJWT } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyLike;
  readonly publicJwk: JWK;
}

export async function signingKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** A token issuer in memory: signs, and counts how often its keys are asked for. */
export class Issuer {
  fetches = 0;
  /** While set, its keys cannot be had. */
  away = false;

  constructor(
    readonly issuer: string,
    /** Keys that the document names; the first one signs. */
    public keys: readonly SigningKey[],
  ) {}

  readonly fetchJson = async (): Promise<unknown> => {
    this.fetches++;
    if (this.away) throw new Error('the issuer is away');
    return { keys: this.keys.map(({ publicJwk }) => publicJwk) };
  };

  /** A token of this issuer that expires an hour after `nowMs`; `claims` and `header` go over what it has by default. */
  sign(
    nowMs: number,
    claims: JWTPayload = {},
    header: Record<string, unknown> = {},
    key = this.keys[0],
  ): Promise<string> {
    const at = Math.floor(nowMs / 1000);
    const payload = { iss: this.issuer, aud: 'millrace', sub: 'ada', iat: at, exp: at + 3600, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(payload)))
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .sign(key.privateKey, { crit: { 'x-own': true } });
  }
}
