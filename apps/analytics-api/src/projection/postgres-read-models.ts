import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { BatchStaged, TablesChanged } from '@millrace/topics';
import { PostgresBatches } from './postgres-batches';
import { PostgresCommits } from './postgres-commits';
import { PostgresReceipts } from './postgres-receipts';
import type {
  BatchesKnown,
  BatchPlace,
  ConservationRow,
  CountedBatch,
  LandedProgress,
  MartBuild,
  ReadModels,
} from './read-models';

type Queryable = Pick<PoolClient, 'query'>;

const ROWS = `
  SELECT tenant, source, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS hour, received, landed, duplicate, quarantined
    FROM analytics_api.conservation
   WHERE tenant = $1 AND ($2::timestamptz IS NULL OR hour >= $2) AND ($3::timestamptz IS NULL OR hour < $3)
   ORDER BY analytics_api.conservation.hour, source COLLATE "C"`;

const OVERTAKEN = `
  SELECT 1 FROM analytics_api.landed l LEFT JOIN analytics_api.position p USING (topic, partition)
   WHERE coalesce(p.next, 0) < l.counted_to LIMIT 1`;

/** The read models in the service's own schema. */
export class PostgresReadModels implements ReadModels {
  private readonly receipts: PostgresReceipts;
  private readonly batches: PostgresBatches;
  private readonly commits: PostgresCommits;

  constructor(private readonly pool: Pool) {
    this.receipts = new PostgresReceipts(pool);
    this.batches = new PostgresBatches(pool);
    this.commits = new PostgresCommits(pool);
  }

  countReceived(topic: string, partition: string, batches: readonly CountedBatch[]): Promise<void> {
    return this.receipts.countReceived(topic, partition, batches);
  }

  receivedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    return this.receipts.receivedPositions(topic);
  }

  countFates(batches: readonly BatchStaged[]): Promise<void> {
    return this.batches.countFates(batches);
  }

  progress(lineId: string | null, topic: string): Promise<LandedProgress> {
    return this.batches.progress(lineId, topic);
  }

  visibleTo(lineId: string | null, topic: string, number: number): Promise<ReadonlyMap<string, number>> {
    return this.batches.visibleTo(lineId, topic, number);
  }

  places(batchIds: readonly number[]): Promise<ReadonlyMap<number, BatchPlace>> {
    return this.batches.places(batchIds);
  }

  recordCommit(commit: TablesChanged): Promise<void> {
    return this.commits.recordCommit(commit);
  }

  martBuild(lineId: string, mart: string, partition: string, number: number): Promise<MartBuild | null> {
    return this.commits.martBuild(lineId, mart, partition, number);
  }

  batchesKnownAt(lineId: string, at: Date, upTo: number): Promise<BatchesKnown | 'behind' | 'forgotten'> {
    return this.commits.batchesKnownAt(lineId, at, upTo);
  }

  prune(before: Date): Promise<void> {
    return this.commits.prune(before);
  }

  conservation(
    tenant: string,
    from: Date | null,
    to: Date | null,
  ): Promise<{ rows: ConservationRow[]; behind: boolean }> {
    return transaction(
      this.pool,
      async (client: Queryable) => {
        const found = await client.query(ROWS, [tenant, from, to]);
        const overtaken = await client.query(OVERTAKEN);
        const rows = found.rows.map(toConservationRow);
        // Fates of a retry come without a range: only that they are too many tells that their receipt is not counted.
        // A replay that is counted before what it takes back shows fewer than none in quarantine.
        const impossible = rows.some(({ pending, quarantined }) => pending < 0 || quarantined < 0);
        return { rows, behind: overtaken.rows.length > 0 || impossible };
      },
      { isolation: 'repeatable read' },
    );
  }
}

function toConservationRow(row: Record<string, unknown>): ConservationRow {
  const received = Number(row.received);
  const landed = Number(row.landed);
  const duplicate = Number(row.duplicate);
  const quarantined = Number(row.quarantined);
  return {
    tenant: String(row.tenant),
    source: String(row.source),
    hour: String(row.hour),
    ...{ received, landed, duplicate, quarantined },
    pending: received - landed - duplicate - quarantined,
  };
}
