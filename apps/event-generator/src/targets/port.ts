/** One item to be sent: bytes that are an event, or are meant to be refused as one. */
export interface Outgoing {
  readonly bytes: Buffer;
  /** Items of one key belong in order, where the target keeps any. */
  readonly key: string;
}

/** What one attempt to send a batch came to. */
export type Attempt =
  | {
      readonly outcome: 'acknowledged';
      /** Items that the target said were no events when it took them; null where it looks at none. */
      readonly quarantined: number | null;
    }
  | {
      readonly outcome: 'failed';
      /** Whether the same again can succeed. */
      readonly canRetry: boolean;
      /** True unless it is certain that nothing of the batch was stored. */
      readonly mayBeStored: boolean;
      /** How long the target asked to wait, ms; null where it said nothing. */
      readonly retryAfterMs: number | null;
      /** A sentence for people. */
      readonly reason: string;
    };

export type TargetName = 'http' | 'kafka' | 'pubsub';

/**
 * Where generated events go: the public side of Millrace, or a broker that it reads from. An attempt that is acknowledged
 * is durable there. One that failed may be made again with the same items, which keep their ids: consumers recognise them.
 */
export interface Target {
  readonly name: TargetName;
  /** Largest batch that `send` takes. */
  readonly batchItemsMax: number;
  readonly batchBytesMax: number;
  /** Connects, where there is something to connect to. */
  start(): Promise<void>;
  /**
   * Makes one attempt; never rejects.
   *
   * @param requestKey names the batch among all that this process sends, for targets that recognise repeated requests;
   * null where repeated ids are enough
   */
  send(items: readonly Outgoing[], requestKey: string | null, signal?: AbortSignal): Promise<Attempt>;
  stop(): Promise<void>;
}
