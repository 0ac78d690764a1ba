/** Something that a person or a service did to what others rely on; kept, and shown by analytics-api. */
export interface AuditRecord {
  /** UUID. Told twice, it is one record. */
  readonly id: string;
  readonly at: string;
  /** Whose it is; absent for what is the deployment's, which those of its home tenant see. */
  readonly tenant?: string;
  /** Service that did it, or through which it was done. */
  readonly service: string;
  /** e.g. `contracts.published`. */
  readonly action: string;
  /** What it was done to, e.g. a contract and its version. */
  readonly subject: string;
  /** Who: a principal, or the service itself. */
  readonly actor: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}
