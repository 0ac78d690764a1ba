import { compareAnswers } from '@millrace/marts';
import { type Finding, Findings } from './findings';
import type { HistoryEntry } from './history';
import { type Account, type HistoryCounts, Ledger } from './ledger';
import type { BatchSeen, ConservationSeen, FaultSeen, MartSeen, RawSeen, RowSeen } from './observations';
import { checkConservation, checkLine, type ItemSums } from './sums';
import { checkVacuity, type Vacuity } from './vacuity';

export interface CheckerOptions {
  /** Tables that each landed item must be in, unless its sender says otherwise. */
  readonly tables: readonly string[];
  readonly vacuity: Vacuity;
}

export interface Report {
  /** Nothing was found. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly history: HistoryCounts;
  readonly keys: number;
  readonly keysAcknowledged: number;
  readonly seen: ItemSums;
  readonly batches: number;
  readonly martCells: number;
  readonly faults: readonly FaultSeen[];
}

/**
 * Proves from a client's history and from what was found afterwards that acknowledged means durable and that effects
 * happened once. With A attempted, K acknowledged, R raw, B quarantined, D landed and Q each table: K ⊆ R; R ∪ B ∪ D ∪ Q ⊆ A;
 * every key at most once in D and in each Q, and in the same Qs as its sender says; contents equal; R = D ⊎ B. Beyond
 * the sets, copies: each raw line has one fate, and there are as many as were acknowledged and no more than were sent.
 * Then the number line, the conservation law, and the marts against a fold over the input.
 *
 * Pure and incremental: the whole history first, then observations in any order; memory is a record a key. It knows
 * neither engines nor services, so that a run of real processes and a simulated one are judged alike.
 */
export class Checker {
  private readonly findings = new Findings();
  private readonly ledger: Ledger;
  private readonly batches: BatchSeen[] = [];
  private readonly rows: ConservationSeen[] = [];
  private readonly faults: FaultSeen[] = [];
  private readonly sums = { raw: 0, landed: 0, duplicate: 0, quarantined: 0 };
  private committed: number | null = null;
  private martCells = 0;
  private historyIsOpen = true;

  constructor(private readonly options: CheckerOptions) {
    this.ledger = new Ledger(this.findings, options.tables);
  }

  /** @throws Error once something was observed */
  history(entry: HistoryEntry): void {
    if (!this.historyIsOpen) throw new Error('the history is read before what was observed');
    this.ledger.add(entry);
  }

  raw({ key, bytes }: RawSeen): void {
    this.sums.raw++;
    const account = this.seen(key, 'raw');
    if (!account) return;
    account.raw++;
    if (bytes !== undefined && account.bytes && !account.bytes.includes(bytes))
      this.findings.add('altered', `${key} has other bytes in the raw zone than were sent`);
  }

  /**
   * The fate of one raw line. `poison`: it is in quarantine unread, because processes ended while they had it; whoever
   * ends processes at will must expect that of good items too.
   */
  fate(key: string, fate: 'landed' | 'duplicate' | 'quarantined', poison = false): void {
    this.sums[fate]++;
    const account = this.seen(key, fate);
    if (!account) return;
    account[fate]++;
    if (poison) account.poisoned++;
  }

  row(table: string, { key, hash }: RowSeen): void {
    const account = this.seen(key, table);
    if (!account) return;
    account.rows.set(table, (account.rows.get(table) ?? 0) + 1);
    if (hash !== account.hash) this.findings.add('altered', `${key} says something else in ${table}`);
  }

  batch(batch: BatchSeen): void {
    this.batches.push(batch);
  }

  /** The number up to which the newest catalog holds every batch. */
  catalog(number: number): void {
    this.committed = Math.max(this.committed ?? 0, number);
  }

  conservation(row: ConservationSeen): void {
    this.rows.push(row);
  }

  mart({ name, key, columns, expected, actual }: MartSeen): void {
    this.martCells += expected.length * columns.length;
    for (const { key: at, column, expected: wanted, actual: found } of compareAnswers(expected, actual, {
      key,
      columns,
    }))
      this.findings.add('mart', `${name} ${at} ${column ?? 'row'}: ${String(found)} for ${String(wanted)}`);
    if (expected.length === 0 && !this.options.vacuity.emptyMarts)
      this.findings.add('vacuous', `${name}: there is nothing to compare`);
  }

  fault(fault: FaultSeen): void {
    this.faults.push(fault);
  }

  /** Keys that must be in the marts' sources: those that a fold over the input has to run over. Once fates are seen. */
  *landedKeys(): Generator<string> {
    this.closeHistory();
    for (const { key, fate, acknowledged, landed, poisoned } of this.ledger.accounts.values())
      if (fate === 'landed' && (landed > 0 || (acknowledged > 0 && poisoned === 0))) yield key;
  }

  /** Call it last. */
  finish(): Report {
    this.closeHistory();
    let keysAcknowledged = 0;
    for (const account of this.ledger.accounts.values()) {
      if (account.acknowledged > 0) keysAcknowledged++;
      this.settle(account);
    }
    checkLine(this.batches, this.sums, this.findings);
    const last = this.batches.reduce((max, { number }) => Math.max(max, number), 0);
    if ((this.committed ?? 0) < last)
      this.findings.add('uncommitted', `the catalog ends at ${this.committed ?? 0}, the line at ${last}`);
    checkConservation(this.rows, this.sums, this.findings);
    const { history, keys } = { history: this.ledger.counts, keys: this.ledger.accounts.size };
    const { sums: seen, faults } = this;
    checkVacuity(this.options.vacuity, { ...seen, history, keys, keysAcknowledged, faults }, this.findings);
    if (this.martCells === 0) this.findings.add('vacuous', 'no cell of a mart was compared');
    const findings = this.findings.list();
    const { martCells } = this;
    return {
      ...{ ok: findings.length === 0, findings, history, keys, keysAcknowledged, seen, martCells, faults },
      batches: this.batches.length,
    };
  }

  private settle(account: Account): void {
    const { key, fate, raw, landed, duplicate, quarantined, poisoned } = account;
    const add = this.findings.add.bind(this.findings);
    const inTables = [...account.rows.values()].some((count) => count > 0);
    const seen = raw + landed + duplicate + quarantined > 0 || inTables;
    if (account.acknowledged > 0 && raw === 0) add('lost', `${key} was acknowledged and is not in the raw zone`);
    if (seen && account.acknowledged + account.unknown === 0) add('refused-kept', `${key} was refused and is there`);
    // An operation that answered ok with a stored answer added nothing, yet an earlier one of unknown outcome did.
    if (raw > 0 && raw < account.stored) add('copy-lost', `${key} was stored ${account.stored} times, ${raw} are raw`);
    if (raw > account.stored + account.unknown)
      add('multiplied', `${key} was sent ${account.stored + account.unknown} times and is raw ${raw} times`);
    if (raw !== landed + duplicate + quarantined)
      add('miscount', `${key}: ${raw} raw = ${landed} landed + ${duplicate} duplicate + ${quarantined} quarantined`);
    if (landed > 1) add('twice', `${key} landed ${landed} times`);
    if (raw > 0 && landed === 0 && quarantined === 0) add('no-fate', `${key} neither landed nor is in quarantine`);
    if (fate === 'landed' && quarantined > poisoned) add('wrong-fate', `${key} is good and is in quarantine`);
    if (fate === 'quarantined' && landed + duplicate > 0) add('wrong-fate', `${key} is damaged and landed`);
    this.settleTables(account);
  }

  private settleTables({ key, landed, tables, rows }: Account): void {
    for (const [table, count] of rows) {
      if (count > 1) this.findings.add('twice', `${key} is ${count} times in ${table}`);
      if (landed === 0 || !tables.includes(table)) this.findings.add('stray-row', `${key} should not be in ${table}`);
    }
    if (landed > 0)
      for (const table of tables)
        if (!rows.has(table)) this.findings.add('missing-row', `${key} landed and is not in ${table}`);
  }

  private seen(key: string, where: string): Account | undefined {
    this.historyIsOpen = false;
    const account = this.ledger.accounts.get(key);
    if (!account) this.findings.add('phantom', `${key} (${where}) was never sent`);
    return account;
  }

  private closeHistory(): void {
    this.historyIsOpen = false;
    this.ledger.close();
  }
}
