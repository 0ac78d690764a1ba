import {
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  type KeyLike,
} from 'jose';

export interface JwksOptions {
  readonly url: string;
  /** Gets the JSON under a URL; rejects when it cannot, in bounded time and for answers of unbounded size. */
  readonly fetchJson: (url: string) => Promise<unknown>;
  readonly monotonicMs: () => number;
  /** Least time between two fetches, whoever asks: a flood of unknown key ids costs the issuer one fetch in this time. */
  readonly cooldownMs?: number;
  /** Keys older than this are fetched anew beside the next use. */
  readonly freshMs?: number;
  /** Keys older than this are not used: the issuer may have withdrawn one. */
  readonly staleMsMax?: number;
}

/** The issuer's keys cannot be had: nothing is known of the token. */
export class KeysUnavailable extends Error {}

type KeySet = ReturnType<typeof createLocalJWKSet>;

/**
 * The public keys of an issuer, by key id, as its JWKS document (RFC 7517) names them. Keys are rotated by their ids: an
 * id that is not known has the document fetched again, at most once in the cooldown.
 */
export class Jwks {
  private set: KeySet | null = null;
  private fetchedMs = -Infinity;
  private triedMs = -Infinity;
  private fetching: Promise<void> | null = null;

  constructor(private readonly options: JwksOptions) {}

  /** For jose: the key of a token's header. Rejects with KeysUnavailable, or jose's JWKSNoMatchingKey. */
  readonly keyOf = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<KeyLike> => {
    const { monotonicMs, freshMs = 600_000, staleMsMax = 86_400_000 } = this.options;
    const age = monotonicMs() - this.fetchedMs;
    if (this.set === null || age > staleMsMax) await this.fetchOnce();
    else if (age > freshMs) void this.fetchOnce();
    const set = this.set;
    if (set === null || monotonicMs() - this.fetchedMs > staleMsMax) {
      throw new KeysUnavailable('the keys of the issuer cannot be fetched');
    }
    try {
      return (await set(header, token)) as KeyLike;
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.fetchOnce();
      if (this.set === null || this.set === set) throw error;
      return (await this.set(header, token)) as KeyLike;
    }
  };

  /** Fetches unless it was tried within the cooldown. Never rejects: what was known stays. */
  private async fetchOnce(): Promise<void> {
    const { url, fetchJson, monotonicMs, cooldownMs = 30_000 } = this.options;
    if (this.fetching) return this.fetching;
    if (monotonicMs() - this.triedMs < cooldownMs) return;
    this.triedMs = monotonicMs();
    const fetched = async (): Promise<void> => {
      const document = await fetchJson(url);
      this.set = createLocalJWKSet(document as JSONWebKeySet);
      this.fetchedMs = monotonicMs();
    };
    this.fetching = fetched()
      .catch(() => undefined)
      .finally(() => (this.fetching = null));
    return this.fetching;
  }
}
