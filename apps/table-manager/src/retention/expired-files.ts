import type { AddFile, Duck } from '@millrace/lakehouse';
import { type Mart, touchedPartitionsSql } from '@millrace/marts';
import type { MartPartition } from '../commit/commit-store';
import type { TableAt } from '../tables/row-questions';
import type { ExpiredFile } from './port';
import { datasetSql, isOverSql, overAtSql, slackMs, type Term } from './terms';

export interface ExpiredFilesOptions {
  readonly duck: Pick<Duck, 'query'>;
  readonly now: () => number;
  /** Files looked into at once. */
  readonly filesMax: number;
  /** Bytes of files that are written again at once, unless it is a single one. */
  readonly rewriteBytesMax: number;
}

interface Remembered {
  readonly terms: string;
  /** Files that are not looked into before a time, ms since 1970; Infinity where nothing in them ever goes. */
  readonly notBefore: Map<string, number>;
  /** How long files wait for marts, ms, and until when by the clock. */
  readonly waiting: Map<string, { readonly ms: number; readonly untilMs: number }>;
}

interface Looked {
  readonly rows: number;
  readonly gone: Readonly<Record<string, number>>;
  readonly goneRows: number;
  /** When its first row is over for so long that the file is written again; when its last is over. Null for never. */
  readonly dueMs: number | null;
  readonly wholeMs: number | null;
}

/** The first wait for marts, and the longest; each is twice as long as the one before. */
const WAIT_MS_MIN = 2_000;
const WAIT_MS_MAX = 10 * 60_000;

/**
 * Finds files with rows that are over. Files whose statistics say that they hold none are never read; one that was read
 * is not read again before something in it can be due: files do not change. What is remembered of that is lost with the
 * process, and found again.
 */
export class ExpiredFiles {
  private readonly tables = new Map<string, Remembered>();

  constructor(private readonly options: ExpiredFilesOptions) {}

  /**
   * Files of which all rows are over, and those with rows that are over for longer than the slack. The files written
   * first are looked into first.
   *
   * @returns besides, whether there may be more
   */
  async find(
    id: string,
    at: TableAt,
    terms: readonly Term[],
    marts: readonly Mart[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly files: ExpiredFile[]; readonly more: boolean }> {
    const { filesMax, rewriteBytesMax } = this.options;
    const known = this.remembered(id, terms, at);
    const waitedOf = ({ path }: AddFile): number => known.waiting.get(path)?.ms ?? 0;
    const clockMs = this.options.now();
    const due = mayHold(at, terms, nowMs)
      .filter(({ path }) => (known.notBefore.get(path) ?? 0) <= nowMs)
      .filter(({ path }) => (known.waiting.get(path)?.untilMs ?? 0) <= clockMs)
      // Those that waited come after those that nobody has looked into.
      .sort((a, b) => waitedOf(a) - waitedOf(b) || a.modificationTime - b.modificationTime);
    const files: ExpiredFile[] = [];
    let budget = rewriteBytesMax;
    for (const file of due.slice(0, filesMax)) {
      signal.throwIfAborted();
      const looked = await this.look(at, file, terms, nowMs);
      const isWhole = looked.rows > 0 && looked.goneRows === looked.rows;
      if (!isWhole && !(looked.goneRows > 0 && looked.dueMs !== null && looked.dueMs <= nowMs)) {
        known.notBefore.set(file.path, Math.min(looked.dueMs ?? Infinity, looked.wholeMs ?? Infinity));
        continue;
      }
      if (!isWhole) {
        if (file.size > budget && budget < rewriteBytesMax) return { files, more: true };
        budget -= file.size;
      }
      const partitions = await this.partitions(id, at, file, terms, marts, nowMs);
      files.push({ path: file.path, bytes: file.size, isWhole, rows: looked.gone, partitions });
    }
    return { files, more: due.length > filesMax };
  }

  /** Files whose partitions of marts are not built yet are looked into again later and later. */
  wait(id: string, paths: readonly string[]): void {
    const waiting = this.tables.get(id)?.waiting;
    for (const path of paths) {
      const ms = Math.min(2 * (waiting?.get(path)?.ms ?? WAIT_MS_MIN / 2), WAIT_MS_MAX);
      waiting?.set(path, { ms, untilMs: this.options.now() + ms });
    }
  }

  private remembered(id: string, terms: readonly Term[], { snapshot }: TableAt): Remembered {
    const said = JSON.stringify(terms);
    let known = this.tables.get(id);
    if (known?.terms !== said) {
      known = { terms: said, notBefore: new Map(), waiting: new Map() };
      this.tables.set(id, known);
    }
    for (const times of [known.notBefore, known.waiting])
      for (const path of times.keys()) if (!snapshot.files.get(path)) times.delete(path);
    return known;
  }

  private async look(at: TableAt, file: AddFile, terms: readonly Term[], nowMs: number): Promise<Looked> {
    const rows = await this.options.duck.query(
      `SELECT dataset, count(*) AS rows, count(*) FILTER (WHERE over_at <= ${nowMs}) AS gone, max(over_at) AS last,
              min(due_at) AS due, count(*) FILTER (WHERE over_at IS NULL) AS kept
         FROM (SELECT ${datasetSql(terms)} AS dataset, ${overAtSql(terms)} AS over_at, ${overAtSql(terms, slackMs)} AS due_at
                 FROM (${await at.table.scanSql(at.snapshot, { files: [file] })}))
        GROUP BY 1`,
    );
    const gone = Object.fromEntries(
      rows.flatMap((row) => (Number(row.gone) > 0 ? [[String(row.dataset), Number(row.gone)]] : [])),
    );
    const times = (name: string): number[] => rows.flatMap((row) => (row[name] === null ? [] : [Number(row[name])]));
    const total = (name: string): number => rows.reduce((sum, row) => sum + Number(row[name]), 0);
    const [dues, lasts] = [times('due'), times('last')];
    return {
      ...{ rows: total('rows'), gone, goneRows: total('gone') },
      dueMs: dues.length > 0 ? Math.min(...dues) : null,
      wholeMs: total('kept') === 0 && lasts.length > 0 ? Math.max(...lasts) : null,
    };
  }

  private async partitions(
    id: string,
    { table, snapshot }: TableAt,
    file: AddFile,
    terms: readonly Term[],
    marts: readonly Mart[],
    nowMs: number,
  ): Promise<MartPartition[]> {
    const rows = `(SELECT * FROM (${await table.scanSql(snapshot, { files: [file] })}) WHERE ${isOverSql(terms, nowMs)})`;
    // Marts mostly share an expression: the rows are looked through once for all of those.
    const found = new Map<string, string[]>();
    const partitions: MartPartition[] = [];
    for (const mart of marts) {
      if (!mart.sources.includes(id)) continue;
      const { partitionExpression } = mart;
      let values = found.get(partitionExpression);
      if (!values) {
        const asked = await this.options.duck.query(touchedPartitionsSql(mart, rows));
        found.set(partitionExpression, (values = asked.map((row) => String(row.partition_value))));
      }
      for (const partition of values) partitions.push({ mart: mart.id, partition });
    }
    return partitions;
  }
}

/** By statistics alone: no file too few. */
function mayHold({ table, snapshot }: TableAt, terms: readonly Term[], nowMs: number): AddFile[] {
  const latest = new Date(nowMs - Math.min(...terms.map(({ ms }) => ms))).toISOString();
  const byIntake = terms.every(({ from }) => from === 'ingest_time');
  const range = { max: latest };
  return table.prune(snapshot, { event_time: range, ...(byIntake && { ingest_time: range }) });
}
