import { digestOf } from '../digest';
import type { Principal } from '../principal';
import { Refusal, unavailable } from '../refusal';
import type { Verified } from './token-verifier';

export interface VerifiedTokensOptions {
  /** Tokens remembered, at most (default 4,096); the longest known are forgotten first. */
  readonly tokensMax?: number;
  /** A token is verified again after this long (default 60 s), so that a key its issuer withdrew does not count for longer. */
  readonly keptMsMax?: number;
  /** Verifications under way at once (default 64); beyond it requests get 503. */
  readonly underWayMax?: number;
}

/** Remembers tokens that were verified, by their hashes: a signature costs 50 times what looking it up does. */
export class VerifiedTokens {
  private readonly known = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();
  private underWay = 0;

  constructor(
    private readonly now: () => number,
    private readonly options: VerifiedTokensOptions = {},
  ) {}

  get size(): number {
    return this.known.size;
  }

  /** `verify` is called for a token that is not known, or not any more. */
  principalOf(
    token: string,
    verify: () => Promise<Verified | Refusal>,
  ): Principal | Promise<Principal | Refusal> | Refusal {
    const hash = digestOf(token).toString('base64');
    const known = this.known.get(hash);
    if (known && this.now() < known.untilMs) return known.principal;
    if (known) this.known.delete(hash);
    if (this.underWay >= (this.options.underWayMax ?? 64)) return unavailable('Too many tokens are being verified.');
    return this.verified(hash, verify);
  }

  private async verified(hash: string, verify: () => Promise<Verified | Refusal>): Promise<Principal | Refusal> {
    const { tokensMax = 4_096, keptMsMax = 60_000 } = this.options;
    this.underWay++;
    try {
      const found = await verify();
      if (found instanceof Refusal) return found;
      this.known.delete(hash);
      this.known.set(hash, {
        principal: found.principal,
        untilMs: Math.min(found.expiresAtMs, this.now() + keptMsMax),
      });
      if (this.known.size > tokensMax) this.known.delete(this.known.keys().next().value as string);
      return found.principal;
    } finally {
      this.underWay--;
    }
  }
}
