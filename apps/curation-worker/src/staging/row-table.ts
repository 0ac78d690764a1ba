import type { Envelope } from '@millrace/envelope';
import type { ContractInForce } from '../contracts/in-force';
import type { Origin } from '../pipeline/received';
import { ByteBuilder } from './byte-builder';
import { DELIMITER as D, field, NULL } from './delimited';

/** What many rows have in common. */
export interface RowGroup {
  readonly number: number;
  readonly eventType: string;
  readonly eventVersion: number;
  readonly tenantId: string;
  readonly acceptSource: string;
  readonly contract: ContractInForce | undefined;
  /** See RawGroups. */
  readonly rawGroup: number;
  /** Some of its rows have values that do not fit their columns. */
  clashes: boolean;
}

/**
 * Columns of a row's own, in order. The others have few values in a batch and are joined in by `g`, which saves a third
 * of the file; what differs by request or by device is not among those, as they travel in a statement's text. Payloads
 * come last: each is written by itself.
 */
export const ROW_COLUMNS = {
  event_id: 'VARCHAR',
  event_time: 'TIMESTAMPTZ',
  producer_time: 'TIMESTAMPTZ',
  ingest_time: 'TIMESTAMPTZ',
  source: 'VARCHAR',
  trace_id: 'VARCHAR',
  subject: 'VARCHAR',
  attributes: 'VARCHAR',
  dedupe_key: 'VARCHAR',
  _ingestion_id: 'VARCHAR',
  group_line: 'INTEGER',
  g: 'INTEGER',
  clashes: 'BOOLEAN',
  /** JSON text of what its contract has it looked up. */
  enriched: 'VARCHAR',
  payload: 'VARCHAR',
} as const;

const CLASHES = 'true';

/** Bytes of a row beside its payload, to begin with. */
const ROW_BYTES = 280;

/**
 * Events as rows for DuckDB, written as they are read. The strings of an event are then garbage at once: kept until the
 * batch has landed they would outlive two collections and cost more CPU than everything else that is done to them.
 */
export class RowTable {
  readonly groups: RowGroup[] = [];
  private readonly bytes: ByteBuilder;
  /** Where each row ends. */
  private readonly ends: Float64Array;
  /** Number of each row's group. */
  private readonly group: Int32Array;
  private length = 0;
  private readonly numbers = new Map<string, RowGroup>();
  private last: RowGroup | null = null;

  constructor(rowsMax: number, payloadBytesExpected: number) {
    this.bytes = new ByteBuilder(payloadBytesExpected + rowsMax * ROW_BYTES);
    this.ends = new Float64Array(rowsMax);
    this.group = new Int32Array(rowsMax);
  }

  /**
   * Adds an event; returns the number of its row. `line` is its line within its raw group; `clashes` says that some of its
   * values do not fit their columns.
   */
  add(
    envelope: Envelope,
    key: string,
    origin: Origin,
    contract: ContractInForce | undefined,
    rawGroup: number,
    line: number,
    clashes = false,
    enriched: string | null = null,
  ): number {
    const group = this.groupOf(envelope, origin, contract, rawGroup);
    if (clashes) group.clashes = true;
    const { number } = group;
    const times = D + envelope.eventTime + D + (envelope.producerTime ?? NULL) + D + envelope.ingestTime + D;
    const names =
      field(envelope.source) +
      D +
      field(envelope.traceId) +
      D +
      field(envelope.subject) +
      D +
      (envelope.attributesJson ?? NULL);
    this.bytes.text(
      field(envelope.eventId) +
        times +
        names +
        D +
        key +
        D +
        field(origin.ingestionId) +
        D +
        line +
        D +
        number +
        D +
        (clashes ? CLASHES : NULL) +
        D,
    );
    this.bytes.text((enriched ?? NULL) + D);
    this.bytes.text(envelope.payloadJson);
    this.bytes.lineFeed();
    this.ends[this.length] = this.bytes.size;
    this.group[this.length] = number;
    return this.length++;
  }

  /** Groups that some rows are of. Those of all others would make every statement about a few rows as long as the batch's. */
  groupsOf(rows: readonly number[]): readonly RowGroup[] {
    if (rows.length === this.length) return this.groups;
    const used = new Uint8Array(this.groups.length);
    for (const row of rows) used[this.group[row]] = 1;
    return this.groups.filter(({ number }) => used[number] === 1);
  }

  /** The bytes of some rows, given in ascending order: neighbours are copied together, and all of them not at all. */
  gather(rows: readonly number[]): Buffer {
    const all = this.bytes.done();
    if (rows.length === this.length) return all;
    const runs: Buffer[] = [];
    for (let i = 0; i < rows.length;) {
      const first = rows[i];
      let last = first;
      while (++i < rows.length && rows[i] === last + 1) last++;
      runs.push(all.subarray(first === 0 ? 0 : this.ends[first - 1], this.ends[last]));
    }
    return Buffer.concat(runs);
  }

  private groupOf(
    envelope: Envelope,
    { headers }: Origin,
    contract: ContractInForce | undefined,
    rawGroup: number,
  ): RowGroup {
    const { eventType, eventVersion, tenantId } = envelope;
    const { last } = this;
    const same =
      last?.rawGroup === rawGroup &&
      last.contract === contract &&
      last.eventType === eventType &&
      last.eventVersion === eventVersion &&
      last.tenantId === tenantId &&
      last.acceptSource === headers.source;
    if (same) return last;
    // A type has one contract in a batch, so the contract need not be part of the key.
    const key = JSON.stringify([eventType, eventVersion, tenantId, headers.source, rawGroup]);
    let group = this.numbers.get(key);
    if (!group) {
      group = {
        number: this.groups.length,
        eventType,
        eventVersion,
        tenantId,
        acceptSource: headers.source,
        contract,
        rawGroup,
        clashes: false,
      };
      this.numbers.set(key, group);
      this.groups.push(group);
    }
    this.last = group;
    return group;
  }
}
