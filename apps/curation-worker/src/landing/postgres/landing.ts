import { commit, copyIn, type PoolClient } from '@millrace/postgres';
import type { DimensionEntry } from '../../dimensions/model';
import type { Held } from '../../pipeline/dedupe';
import {
  type Claim,
  type Fence,
  type Landing,
  LandingError,
  type ManifestRow,
  type PositionMove,
  type QuarantineRow,
  type ReplayEntry,
  type SettledRow,
  type WaitingRow,
} from '../port';
import { deleteClaims, insertClaims } from './claims';
import { writeDimension } from './dimensions';
import type { TimeDelta } from '../../windows/deltas';
import { encodeDeltas } from '../../windows/postgres/delta-codec';
import { landingErrors } from './errors';
import { addCounts } from './quarantine-counts';
import { insertWaiting, PostgresReplay } from './replays';
import { storable, storableOrNull } from './text';

const MOVE = `
  UPDATE curation_worker.position
     SET next = $5, attempts = 0, tried = NULL, moved_at = clock_timestamp(),
         suspect_to = CASE WHEN suspect_to > $5 THEN suspect_to END,
         accepted_to = greatest(accepted_to, $6::timestamptz)
   WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next = $4`;

const WHERE_IS = `SELECT next, epoch FROM curation_worker.position WHERE topic = $1 AND partition = $2`;

const ENTER = `
  INSERT INTO curation_worker.inbox (topic, message_id, batch_id)
  SELECT $1, id, $3 FROM unnest($2::text[]) AS t(id) ORDER BY id
  ON CONFLICT DO NOTHING`;

const MANIFEST = `
  INSERT INTO curation_worker.manifest
         (batch_id, epoch, topic, partition, range_from, range_to, landed, duplicate, quarantined, message, stats)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

const MANIFEST_AGAIN = 'UPDATE curation_worker.manifest SET message = $2, stats = $3 WHERE batch_id = $1';

/** Inserted only, so that no landing waits for another that counts in the same windows. */
const TALLY = 'INSERT INTO curation_worker.time_delta (batch_id, deltas) VALUES ($1, $2)';

const QUARANTINE_COLUMNS = [
  'group_id', 'reason', 'rule', 'path', 'group_rule', 'group_path', 'group_event_type', 'contract', 'contract_version', 'event_type', 'event_id', 'tenant', 'source',
  'accepted_at', 'topic', 'partition', 'offset', 'attempts', 'batch_id', 'raw_part', 'raw_line', 'headers', 'raw',
  'ingestion_id', 'last_batch_id', 'sealed_by',
] as const; // prettier-ignore

/** One transaction on one connection. */
export class PostgresLanding implements Landing {
  private open = true;
  private replay: PostgresReplay | null = null;
  private manifested = false;

  constructor(private readonly client: PoolClient) {}

  async movePosition({
    topic,
    partition,
    epoch,
    from,
    to,
    acceptedTo,
  }: PositionMove): Promise<'moved' | 'passed' | 'not_owner' | 'gap'> {
    const moved = await this.run(MOVE, 'move', [topic, partition, epoch, from, to, acceptedTo]);
    if (moved.rowCount === 1) return 'moved';
    const [found] = (await this.run(WHERE_IS, 'where-is', [topic, partition])).rows as {
      next: string;
      epoch: string;
    }[];
    if (!found || Number(found.epoch) !== epoch) return 'not_owner';
    return Number(found.next) >= to ? 'passed' : 'gap';
  }

  async enterInbox(topic: string, messageIds: readonly string[], batchId: number): Promise<boolean> {
    const { rowCount } = await this.run(ENTER, 'enter', [topic, messageIds, batchId]);
    return rowCount === messageIds.length;
  }

  setDimension(entry: DimensionEntry): Promise<boolean> {
    return landingErrors(writeDimension(this.client, entry));
  }

  claim(claims: readonly Claim[], batchId: number): Promise<Map<string, Held>> {
    return landingErrors(insertClaims(this.client, claims, batchId));
  }

  async keepAlive(): Promise<void> {
    await landingErrors(this.client.query('SELECT'));
  }

  release(keys: readonly string[], batchId: number): Promise<void> {
    return landingErrors(deleteClaims(this.client, keys, batchId));
  }

  async quarantine(rows: readonly QuarantineRow[]): Promise<void> {
    if (rows.length === 0) return;
    const target = { schema: 'curation_worker', table: 'quarantine', columns: QUARANTINE_COLUMNS };
    await landingErrors(copyIn(this.client, target, rows.map(quarantineValues)));
    await landingErrors(
      addCounts(
        this.client,
        rows.map((row) => ({ ...row, open: 1, total: 1 })),
      ),
    );
  }

  enterReplay(entry: ReplayEntry): Promise<ReadonlySet<number> | 'over'> {
    this.replay = new PostgresReplay(this.client);
    return landingErrors(this.replay.enter(entry));
  }

  async settleReplay(rows: readonly SettledRow[], batchId: number): Promise<void> {
    if (!this.replay) throw new Error('nothing was entered');
    await landingErrors(this.replay.settle(rows, batchId));
  }

  async wait(rows: readonly WaitingRow[]): Promise<void> {
    if (rows.length > 0) await landingErrors(insertWaiting(this.client, rows));
  }

  async tally(deltas: readonly TimeDelta[], batchId: number): Promise<void> {
    if (deltas.length > 0) await this.run(TALLY, 'tally', [batchId, encodeDeltas(deltas)]);
  }

  async manifest(row: ManifestRow): Promise<void> {
    const { batchId, epoch, topic, partition, range, landed, duplicate, quarantined } = row;
    const [message, stats] = [JSON.stringify(row.message), JSON.stringify(row.stats)];
    if (this.manifested) return void (await this.run(MANIFEST_AGAIN, 'manifest-again', [batchId, message, stats]));
    const values = [
      batchId,
      epoch,
      topic,
      partition,
      range?.from ?? null,
      range?.to ?? null,
      landed,
      duplicate,
      quarantined,
      message,
      stats,
    ];
    await this.run(MANIFEST, 'manifest', values);
    this.manifested = true;
  }

  async commit({ batchId, epoch, contractsIndex, keysEpoch }: Fence): Promise<{ number: number }> {
    // Numbers only, so that they can travel in the same simple query as COMMIT: the line is locked for no round trip.
    const values = [batchId, epoch, contractsIndex, keysEpoch].map((value) => BigInt(value).toString());
    try {
      const [, taken] = await landingErrors(
        commit(
          this.client,
          `SAVEPOINT unnumbered;\nSELECT curation_worker.take_number(${values.join(', ')}) AS number`,
        ),
      );
      this.giveBack();
      return { number: Number((taken.rows[0] as { number: string }).number) };
    } catch (error) {
      const code = error instanceof LandingError ? error.code : null;
      if (code === 'LANDING_UNKNOWN') this.giveBack(error as Error);
      if (code === 'LANDING_LINE_MOVED') await landingErrors(this.client.query('ROLLBACK TO SAVEPOINT unnumbered'));
      throw error;
    }
  }

  async rollback(): Promise<void> {
    if (!this.open) return;
    const broken = await this.client.query('ROLLBACK').then(
      () => undefined,
      (error: Error) => error,
    );
    this.giveBack(broken);
  }

  private run(text: string, name: string, values: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }> {
    return landingErrors(this.client.query({ name, text, values }));
  }

  private giveBack(broken?: Error): void {
    if (!this.open) return;
    this.open = false;
    this.client.release(broken);
  }
}

const quarantineValues = (row: QuarantineRow): (string | number | Buffer | null)[] => [
  row.groupId,
  row.reason,
  storable(row.rule),
  storable(row.path),
  storable(row.groupRule),
  storable(row.groupPath),
  storableOrNull(row.groupEventType),
  row.contract,
  row.contractVersion,
  storableOrNull(row.eventType),
  storableOrNull(row.eventId),
  storable(row.tenant),
  storable(row.source),
  row.acceptedAt,
  row.topic,
  row.partition,
  row.offset,
  row.attempts,
  row.batchId,
  row.rawPart,
  row.rawLine,
  JSON.stringify(row.headers),
  row.raw,
  storable(row.ingestionId),
  row.batchId,
  row.sealedBy,
];
