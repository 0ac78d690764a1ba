import type { BatchRule } from '@millrace/contracts';
import { type AddFile, toDuckType } from '@millrace/lakehouse';
import { type Duck, DuckError } from '@millrace/lakehouse/duckdb';
import {
  DAY_COLUMNS,
  type DayToJudge,
  type DaysBefore,
  daysHeldAgainst,
  dimensionTableOf,
  groupRules,
  isUsualRule,
  judgeable,
  judgeSql,
  ownColumns,
  QUALITY_COLUMNS,
  type QualityMart,
  referenceOf,
  type RuledContract,
  unjudgedSql,
  type UsualRule,
  usualWords,
} from '@millrace/marts';
import { causeOf } from '../run/cause';
import type { Failure, JudgedSummary } from './failures';
import type { TableAt } from '../tables/row-questions';
import { JudgedBefore, judgedFrom } from './judged-before';

/** Results of some days, kept by DuckDB until they are closed. */
export interface JudgedDays {
  /** SELECT of all results, in the columns of dq.results. */
  readonly source: string;
  /** Days with a rule that could not be judged for a reason that may pass, and why: they are to be judged again. */
  readonly unsettled: ReadonlyMap<string, string>;
  summary(): Promise<JudgedSummary>;
  close(): Promise<void>;
}

/** One question about one dataset and day may take as long, ms. */
const QUESTION_MS_MAX = 120_000;
/** Failures that are told of at once. */
const FAILURES_MAX = 10_000;
/** Tenants of a day that a rule is judged for one by one, where it fails over all of them together. */
const TENANTS_APART_MAX = 100;
/** The same question about the same rows fails again: the rule does not go with the data. */
const FINAL = new Set(['DUCK_CONVERSION', 'DUCK_STATEMENT']);

/**
 * Judges the rules about the rows of a day, one dataset and one day at a time: DuckDB holds no more at once than one
 * question needs, within DUCKDB_MEMORY_MAX and DUCKDB_SPILL_MAX. What fails is asked again in smaller parts, down to one
 * rule and one tenant; what is then left is a result of its own that says why, and keeps no other from being judged.
 */
export class QualityJudge {
  private made = 0;
  private readonly before: JudgedBefore;

  constructor(
    private readonly duck: Pick<Duck, 'query'>,
    /** Milliseconds since 1970: whether a day is over. */
    private readonly now: () => number,
  ) {
    this.before = new JudgedBefore(duck);
  }

  /** @param tables what is there of the datasets, the dimensions and other tables that they refer to, and of earlier results */
  async judge(mart: QualityMart, days: readonly string[], tables: ReadonlyMap<string, TableAt>): Promise<JudgedDays> {
    const name = `quality_${this.made++}`;
    const columns = QUALITY_COLUMNS.map((column) => `"${column.name}" ${toDuckType(column.type)}`);
    await this.duck.query(`CREATE TABLE ${name} (${columns.join(', ')})`);
    const close = async (): Promise<void> => void (await this.duck.query(`DROP TABLE IF EXISTS ${name}`));
    const unsettled = new Map<string, string>();
    try {
      // The older first: a day is held against those before it.
      for (const day of [...days].sort()) {
        const why = await this.judgeDay(name, mart.datasets, day, tables);
        if (why !== null) unsettled.set(day, why);
      }
    } catch (error) {
      await close().catch(() => undefined);
      throw error;
    }
    return { source: `SELECT * FROM ${name}`, unsettled, summary: () => this.summary(name, days), close };
  }

  /** Resolves with why the day is to be judged again, or null. */
  private async judgeDay(
    results: string,
    datasets: readonly RuledContract[],
    day: string,
    tables: ReadonlyMap<string, TableAt>,
  ): Promise<string | null> {
    const isOver = isDayOver(day, this.now());
    const there = datasets.filter(({ table }) => filesOf(tables.get(table), day).length > 0);
    const from = new Map(
      there.map((each) => [each.name, judgedFrom(each, filesOf(tables.get(each.table), day), tables, isOver)]),
    );
    const taken = await this.before.takeOver(results, day, from, await earlierOf(tables, day));
    let unsettled: string | null = null;
    const judged = new Map<string, string>();
    for (const contract of there) {
      if (taken.has(contract.name)) continue;
      const files = filesOf(tables.get(contract.table), day);
      const why = await new DatasetDay(this.duck, results, contract, day, files, tables, isOver).judge();
      if (why === null) judged.set(contract.name, from.get(contract.name) as string);
      else unsettled = why;
    }
    await this.before.note(results, day, judged);
    return unsettled;
  }

  private async summary(name: string, days: readonly string[]): Promise<JudgedSummary> {
    const found = await this.duck.query(
      `SELECT tenant_id AS tenant, dataset, rule, CAST(event_date AS VARCHAR) AS day, severity, status, metric, value,
              expectation, failed, error FROM ${name} WHERE status IN ('failed', 'error')
        ORDER BY day, tenant, dataset, rule LIMIT ${FAILURES_MAX + 1}`,
    );
    const newest = await this.duck.query(
      `SELECT tenant_id AS tenant, dataset, epoch_ms(MAX(newest_ingest_time)) AS at FROM ${name}
        WHERE metric = 'freshness' AND newest_ingest_time IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ${FAILURES_MAX}`,
    );
    const failures = found.slice(0, FAILURES_MAX).map((row) => ({
      ...(row as unknown as Failure),
      value: row.value === null ? null : Number(row.value),
      failed: row.failed === null ? null : Number(row.failed),
    }));
    return {
      ...{ days, failures, truncated: found.length > FAILURES_MAX },
      newest: newest.map(({ tenant, dataset, at }) => ({
        ...{ tenant: String(tenant), dataset: String(dataset), at: new Date(Number(at)).toISOString() },
      })),
    };
  }
}

const filesOf = (at: TableAt | undefined, ...days: string[]): AddFile[] =>
  at && days.length > 0 ? at.table.prune(at.snapshot, { event_date: { values: days } }) : [];
const DAY_MS = 86_400_000;
const isDayOver = (day: string, nowMs: number): boolean => Date.parse(day) + DAY_MS <= nowMs;

/** Relation of what dq.results says of a day; null where it says nothing. */
async function earlierOf(tables: ReadonlyMap<string, TableAt>, day: string): Promise<string | null> {
  const earlier = tables.get('dq.results');
  const files = filesOf(earlier, day);
  return earlier && files.length > 0 ? `(${await earlier.table.scanSql(earlier.snapshot, { files })})` : null;
}

/** One dataset on one day. */
class DatasetDay {
  /** Why something is to be judged again. */
  private unsettled: string | null = null;

  constructor(
    private readonly duck: Pick<Duck, 'query'>,
    private readonly results: string,
    private readonly contract: RuledContract,
    private readonly day: string,
    private readonly files: readonly AddFile[],
    private readonly tables: ReadonlyMap<string, TableAt>,
    private readonly isOver: boolean,
  ) {}

  async judge(): Promise<string | null> {
    const columns = (id: string): ReadonlySet<string> | null => {
      const at = this.tables.get(id);
      return at ? new Set(at.snapshot.fields.map(({ name }) => name.toLowerCase())) : null;
    };
    for (const group of groupRules(judgeable(this.contract, columns))) await this.judgeGroup(group);
    return this.unsettled;
  }

  private async judgeGroup(rules: readonly BatchRule[]): Promise<void> {
    const failed = await this.attempt(async () => judgeSql(rules, await this.toJudge(rules)));
    if (failed === null) return;
    if (rules.length > 1) {
      for (const rule of rules) await this.judgeGroup([rule]);
      return;
    }
    if (failed.code === 'DUCK_CONVERSION' && (await this.judgeByTenant(rules[0]))) return;
    await this.giveUp(rules, failed);
  }

  /** False where that is not to be had either: too many tenants, or their rows cannot be read. */
  private async judgeByTenant(rule: BatchRule): Promise<boolean> {
    const to = await this.toJudge([rule]);
    const found = await this.duck
      .query(`SELECT DISTINCT tenant_id FROM ${to.rows} ORDER BY 1 LIMIT ${TENANTS_APART_MAX + 1}`)
      .catch(() => []);
    const tenants = found.map((row) => String(row.tenant_id));
    if (tenants.length < 2 || tenants.length > TENANTS_APART_MAX) return false;
    for (const tenant of tenants) {
      const rows = `(SELECT * FROM ${to.rows} WHERE tenant_id = '${tenant.replaceAll("'", "''")}')`;
      const failed = await this.attempt(async () => judgeSql([rule], { ...to, rows }));
      if (failed) await this.giveUp([rule], failed, rows);
    }
    return true;
  }

  private async giveUp(rules: readonly BatchRule[], failed: DuckError, rows?: string): Promise<void> {
    const why = causeOf(failed);
    if (!FINAL.has(failed.code)) this.unsettled = why;
    const to = { contract: this.contract, day: this.day };
    const unread = await this.attempt(async () =>
      unjudgedSql(rules, { ...to, rows: rows ?? (await this.rows([])) }, why),
    );
    if (unread === null) return;
    // The rows themselves cannot be read: whose they are is known from earlier results only.
    this.unsettled = causeOf(unread);
    const earlier = this.tables.get('dq.results');
    if (!earlier) return;
    await this.attempt(async () => {
      const files = earlier.table.prune(earlier.snapshot, { event_date: { values: [this.day] } });
      const previous = `(${await earlier.table.scanSql(earlier.snapshot, { files, columns: ['tenant_id', 'dataset'] })})`;
      return unjudgedSql(rules, { ...to, rows: '' }, causeOf(unread), previous);
    });
  }

  /** Adds the results of a question; resolves with why it could not be answered. */
  private async attempt(question: () => Promise<string>): Promise<DuckError | null> {
    try {
      await this.duck.query(`INSERT INTO ${this.results} ${await question()}`, [], { timeoutMs: QUESTION_MS_MAX });
      return null;
    } catch (error) {
      if (!(error instanceof DuckError) || error.code === 'DUCK_CANCELLED' || error.code === 'DUCK_CLOSED') throw error;
      return error;
    }
  }

  private async toJudge(rules: readonly BatchRule[]): Promise<DayToJudge> {
    const others: Record<string, string> = {};
    for (const rule of rules) {
      const reference = referenceOf(rule);
      if (reference) others[reference.table] = await this.relation(reference.table, ['tenant_id', reference.column]);
      const dimension = dimensionTableOf(rule);
      const read = ['tenant_id', 'dimension_key', 'valid_from', 'is_deleted', '_batch_id'];
      if (dimension && this.tables.has(dimension)) others[dimension] = await this.relation(dimension, read);
    }
    const own = rules.flatMap(({ measure }) => ownColumns(measure));
    const [rule] = rules;
    const before = isUsualRule(rule) ? await this.before(rule) : undefined;
    return { contract: this.contract, day: this.day, rows: await this.rows(own), others, ...(before && { before }) };
  }

  /**
   * Results of the days before, those of this run first, are all that a day is held against. Only of days that have none
   * yet, since the rule is new, are the rows read.
   */
  private async before(rule: UsualRule): Promise<DaysBefore> {
    const days = daysHeldAgainst(rule, this.day);
    const columns = ['tenant_id', 'dataset', 'rule', 'expectation', 'event_date', 'value'];
    const earlier = this.tables.get('dq.results');
    const files = filesOf(earlier, ...days);
    const kept = files.length > 0 ? [await this.relation('dq.results', columns, files)] : [];
    const here = `SELECT ${columns.join(', ')} FROM ${this.results}`;
    // A day that was judged again in this run is what it is now.
    const former = kept.map(
      (from) =>
        `SELECT ${columns.join(', ')} FROM ${from} WHERE event_date NOT IN (SELECT event_date FROM ${this.results})`,
    );
    const results = `(${[here, ...former].join(' UNION ALL ')})`;
    const told = await this.duck.query(
      `SELECT DISTINCT CAST(event_date AS VARCHAR) AS day FROM ${results}
        WHERE dataset = '${this.contract.name}' AND rule = '${rule.id}' AND expectation = '${usualWords(rule)}'`,
    );
    const known = new Set(told.map(({ day }) => String(day)));
    const untold = filesOf(this.tables.get(this.contract.table), ...days.filter((day) => !known.has(day)));
    const read = ['tenant_id', 'event_date', ...ownColumns(rule.measure)];
    const rows = untold.length > 0 ? await this.relation(this.contract.table, read, untold) : null;
    return { results, rows, isOver: this.isOver };
  }

  private rows(columns: readonly string[]): Promise<string> {
    return this.relation(this.contract.table, [...new Set([...DAY_COLUMNS, ...columns])], this.files);
  }

  private async relation(id: string, columns: readonly string[], files?: readonly AddFile[]): Promise<string> {
    const { table, snapshot } = this.tables.get(id) as TableAt;
    return `(${await table.scanSql(snapshot, { columns, ...(files && { files }) })})`;
  }
}
