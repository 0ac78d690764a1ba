import { TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { alarmsOf, type Failure, failureKey, type JudgedSummary, type KeptFailure } from './failures';

type Queryable = Pick<PoolClient, 'query'>;

export interface FailurePage {
  readonly tenant: string;
  readonly open: boolean | undefined;
  readonly dataset?: string;
  readonly rule?: string;
  readonly severity?: string;
  readonly limit: number;
  /** Place of the last one of the page before. */
  readonly after: { readonly openedAt: string; readonly id: string } | null;
}

const COLUMNS = `id, tenant, dataset, rule, day, severity, status, metric, value, expectation, failed, error,
  opened_at, changed_at, closed_at`;
const FORGOTTEN_AT_ONCE = 10_000;

/**
 * What fails of the quality rules. Each failure is opened once, and closed once by what shows it gone; in the transaction
 * of that the alarm is left in the outbox.
 */
export class QualityStore {
  private readonly outbox: TableOutbox;

  constructor(
    private readonly pool: Pool,
    private readonly newId: () => string,
  ) {
    this.outbox = new TableOutbox(pool, 'table_manager');
  }

  /** @returns how many were opened and closed */
  record(summary: JudgedSummary, now: number): Promise<{ opened: number; closed: number }> {
    const { days, failures, truncated, newest } = summary;
    const at = new Date(now).toISOString();
    return transaction(this.pool, async (client: Queryable) => {
      const fresh = [newest.map((n) => n.tenant), newest.map((n) => n.dataset), newest.map((n) => n.at)];
      if (newest.length > 0) await client.query(NEWEST, fresh);
      const { rows } = await client.query(OPEN, [days]);
      const open = new Map(rows.map(keptOf).map((kept) => [failureKey(kept), kept]));
      const opened = await this.open(
        client,
        failures.filter((each) => !open.has(failureKey(each))),
        at,
      );
      const changed = failures.flatMap((each) => {
        const known = open.get(failureKey(each));
        return known && isOther(known, each) ? [{ ...each, id: known.id }] : [];
      });
      if (changed.length > 0) await client.query(CHANGE, [changed.map(({ id }) => id), JSON.stringify(changed), at]);
      const found = new Set(failures.map(failureKey));
      const over = truncated ? [] : [...open].filter(([key]) => !found.has(key)).map(([, kept]) => kept);
      await this.close(client, over, at);
      return { opened: opened.length, closed: over.length };
    });
  }

  /** Closes what is open of rules of these datasets that are none any more. */
  closeGone(rules: ReadonlyMap<string, ReadonlySet<string>>, now: number): Promise<number> {
    return transaction(this.pool, async (client: Queryable) => {
      const { rows } = await client.query(OPEN_OF, [[...rules.keys()]]);
      const over = rows.map(keptOf).filter(({ dataset, rule }) => !rules.get(dataset)?.has(rule));
      await this.close(client, over, new Date(now).toISOString());
      return over.length;
    });
  }

  /** When the newest row of each tenant was received, of datasets that are asked for. */
  async newest(datasets: readonly string[]): Promise<{ tenant: string; dataset: string; at: string }[]> {
    const { rows } = await this.pool.query(
      `SELECT tenant, dataset, newest FROM table_manager.quality_freshness WHERE dataset = ANY ($1) ORDER BY 1, 2`,
      [datasets],
    );
    return rows.map(({ tenant, dataset, newest }) => ({ tenant, dataset, at: (newest as Date).toISOString() }));
  }

  /** The rules that the days of each dataset were last asked to be judged by. */
  async digests(): Promise<Map<string, string>> {
    const { rows } = await this.pool.query(`SELECT dataset, digest FROM table_manager.quality_rules`);
    return new Map(rows.map(({ dataset, digest }) => [String(dataset), String(digest)]));
  }

  async noteDigest(dataset: string, digest: string): Promise<void> {
    await this.pool.query(
      `INSERT INTO table_manager.quality_rules (dataset, digest) VALUES ($1, $2)
       ON CONFLICT (dataset) DO UPDATE SET digest = EXCLUDED.digest, asked_at = now()`,
      [dataset, digest],
    );
  }

  /** The newest first. */
  async page({ tenant, open, dataset, rule, severity, limit, after }: FailurePage): Promise<KeptFailure[]> {
    const { rows } = await this.pool.query(
      `SELECT ${COLUMNS} FROM table_manager.quality_failure
        WHERE tenant = $1 AND ($2::boolean IS NULL OR (closed_at IS NULL) = $2) AND ($3::text IS NULL OR dataset = $3)
          AND ($4::text IS NULL OR rule = $4) AND ($5::text IS NULL OR severity = $5)
          AND ($6::timestamptz IS NULL OR (opened_at, id) < ($6, $7::uuid))
        ORDER BY opened_at DESC, id DESC LIMIT $8`,
      [tenant, open, dataset, rule, severity, after?.openedAt, after?.id, limit],
    );
    return rows.map(keptOf);
  }

  /** What is open now, of all tenants. */
  async counts(): Promise<{ dataset: string; severity: string; open: number }[]> {
    const { rows } = await this.pool.query(
      `SELECT dataset, severity, count(*)::int AS open FROM table_manager.quality_failure
        WHERE closed_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1`,
    );
    return rows.map(({ dataset, severity, open }) => ({ dataset, severity, open: Number(open) }));
  }

  async forgetBefore(time: number): Promise<void> {
    await this.pool.query(
      `DELETE FROM table_manager.quality_failure WHERE id IN
        (SELECT id FROM table_manager.quality_failure WHERE closed_at < $1 LIMIT ${FORGOTTEN_AT_ONCE})`,
      [new Date(time)],
    );
  }

  private async open(client: Queryable, failures: readonly Failure[], at: string): Promise<KeptFailure[]> {
    if (failures.length === 0) return [];
    const named = failures.map((failure) => ({ ...failure, id: this.newId() }));
    const { rows } = await client.query(INSERT, [JSON.stringify(named), at]);
    const opened = rows.map(keptOf);
    await this.outbox.leave(alarmsOf('opened', opened, at, this.newId), client);
    return opened;
  }

  private async close(client: Queryable, failures: readonly KeptFailure[], at: string): Promise<void> {
    if (failures.length === 0) return;
    const ids = failures.map(({ id }) => id);
    await client.query(`UPDATE table_manager.quality_failure SET closed_at = $2, changed_at = $2 WHERE id = ANY ($1)`, [
      ids,
      at,
    ]);
    await this.outbox.leave(alarmsOf('closed', failures, at, this.newId), client);
  }
}

const NEWEST = `
  INSERT INTO table_manager.quality_freshness AS f (tenant, dataset, newest)
  SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ORDER BY 1, 2
  ON CONFLICT (tenant, dataset) DO UPDATE SET newest = GREATEST(f.newest, EXCLUDED.newest)`;

/** Locked in one order, so that of two who judge the same days one waits for the other. */
const OPEN = `
  SELECT ${COLUMNS} FROM table_manager.quality_failure
   WHERE day = ANY ($1) AND closed_at IS NULL ORDER BY id FOR UPDATE`;
const OPEN_OF = `
  SELECT ${COLUMNS} FROM table_manager.quality_failure
   WHERE dataset = ANY ($1) AND closed_at IS NULL ORDER BY id FOR UPDATE`;

const ROW = `id uuid, tenant text, dataset text, rule text, day text, severity text, status text, metric text,
  value double precision, expectation text, failed bigint, error text`;
const INSERT = `
  INSERT INTO table_manager.quality_failure
    (id, tenant, dataset, rule, day, severity, status, metric, value, expectation, failed, error, opened_at, changed_at)
  SELECT r.*, $2, $2 FROM jsonb_to_recordset($1::jsonb) AS r(${ROW}) ORDER BY day, tenant, dataset, rule
  ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;
const CHANGE = `
  UPDATE table_manager.quality_failure f
     SET severity = r.severity, status = r.status, value = r.value, expectation = r.expectation, failed = r.failed,
         error = r.error, changed_at = $3
    FROM jsonb_to_recordset($2::jsonb) AS r(${ROW}) WHERE f.id = r.id AND f.id = ANY ($1::uuid[])`;

function isOther(known: KeptFailure, now: Failure): boolean {
  const told = ({ severity, status, value, expectation, failed, error }: Failure): string =>
    JSON.stringify([severity, status, value, expectation, failed, error]);
  return told(known) !== told(now);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a row as pg gives it
const keptOf = (row: any): KeptFailure => ({
  ...{ id: row.id, tenant: row.tenant, dataset: row.dataset, rule: row.rule, day: row.day, severity: row.severity },
  ...{ status: row.status, metric: row.metric, value: row.value, expectation: row.expectation, error: row.error },
  failed: row.failed === null ? null : Number(row.failed),
  openedAt: (row.opened_at as Date).toISOString(),
  changedAt: (row.changed_at as Date).toISOString(),
  closedAt: row.closed_at === null ? null : (row.closed_at as Date).toISOString(),
});
