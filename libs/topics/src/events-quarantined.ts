/**
 * An item that was quarantined, for whoever wants to know: one record an item, each time that it is, also when a replay
 * finds another cause. Told at least once: what is told again has the same `id`.
 */
export interface EventQuarantined {
  /** `<line id>/<number>/<quarantine id>`. */
  readonly id: string;
  /** Of the item in `/v1/quarantine`. */
  readonly quarantineId: string;
  readonly tenant: string;
  /** Where it came in, e.g. `http`. */
  readonly source: string;
  readonly eventType: string | null;
  readonly eventId: string | null;
  /** What it has in common with others, as in `/v1/quarantine/groups`. */
  readonly group: string;
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly contractVersion: string | null;
  /** When it was accepted, and when it was quarantined. */
  readonly acceptedAt: string;
  readonly at: string;
  /** Its bytes as they came: a line of a raw part. */
  readonly rawPart: string;
  readonly rawLine: number;
  /** The bytes themselves in base64, where `QUARANTINED_RAW` is on. */
  readonly raw?: string;
}
