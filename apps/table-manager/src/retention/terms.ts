import { type ContractSet, type Retention, retentionCutOff } from '@millrace/contracts';
import { quoteList } from '@millrace/lakehouse';
import { isQualityMart, type Mart } from '@millrace/marts';
import { EVENTS_TABLE } from '@millrace/topics';

/** What a contract's retention says of the rows of one table. */
export interface Term extends Pick<Retention, 'ms' | 'from'> {
  /** The contract's name. */
  readonly dataset: string;
  /** Its rows among those of others; null where all rows of the table are its own. */
  readonly eventTypes: readonly string[] | null;
  /** SQL over a row: days of marts that it is counted in. */
  readonly days: readonly string[];
}

const DAY_MS = 86_400_000;

/**
 * The terms of a table: its contract's, and of the table of all events those of all contracts. Events without a contract,
 * and those of one that cannot be used just now, are kept.
 */
export function termsOf(id: string, { contracts }: Pick<ContractSet, 'contracts'>, marts: readonly Mart[]): Term[] {
  const isShared = id === EVENTS_TABLE;
  const days = marts.flatMap((mart) =>
    mart.sources.includes(id) && !isQualityMart(mart) ? [mart.partitionExpression] : [],
  );
  return contracts.flatMap(({ name, table, eventTypes, contract: { retention } }): Term[] =>
    retention && (isShared || table === id)
      ? [
          {
            ...{ dataset: name, ms: retention.ms, from: retention.from, days: [...new Set(days)] },
            eventTypes: isShared ? eventTypes : null,
          },
        ]
      : [],
  );
}

/**
 * How long rows may be over beside others of their file that are not, ms: a file is written again no more often than that.
 */
export const slackMs = ({ ms }: Pick<Term, 'ms'>): number => Math.max(DAY_MS, Math.ceil(ms / 100));

/** `name` of the dataset that a row is of, null for rows that are kept. */
export const datasetSql = (terms: readonly Term[]): string =>
  byType(terms, ({ dataset }) => literal(dataset), 'VARCHAR');

/**
 * When a row is over, ms since 1970; null for rows that are kept. A row waits for the days of marts that it is counted in,
 * as long again as its retention at most: those of a day that is not over go on changing.
 */
export const overAtSql = (terms: readonly Term[], extraMs: (term: Term) => number = () => 0): string =>
  byType(terms, (term) => `(${overAt(term)} + ${term.ms + extraMs(term)})`, 'BIGINT');

/** A condition, never null: the row was over at a time. */
export const isOverSql = (terms: readonly Term[], nowMs: number): string =>
  `coalesce(${overAtSql(terms)} <= ${nowMs}, false)`;

function overAt({ from, ms, days }: Term): string {
  // An event that says to be of a time to come counts from then.
  const since =
    from === 'event_time'
      ? 'epoch_ms(coalesce(event_time, ingest_time))'
      : 'epoch_ms(greatest(ingest_time, event_time))';
  if (days.length === 0) return since;
  const ends = days.map((day) => `epoch_ms(CAST(CAST((${day}) AS DATE) AS TIMESTAMP)) + ${DAY_MS}`);
  return `greatest(${since}, least(greatest(${[since, ...ends].join(', ')}), ${since} + ${ms}))`;
}

function byType(terms: readonly Term[], value: (term: Term) => string, type: string): string {
  const own = terms.find(({ eventTypes }) => eventTypes === null);
  if (own) return value(own);
  const cases = terms.map((term) => `WHEN event_type IN (${listOf(term.eventTypes ?? [])}) THEN ${value(term)}`);
  return cases.length === 0 ? `CAST(NULL AS ${type})` : `(CASE ${cases.join(' ')} END)`;
}

const listOf = (texts: readonly string[]): string => quoteList(texts).slice(1, -1);
const literal = (text: string): string => listOf([text]);

/** By dataset, the time that rows that stay are from. */
export const cutOffOf = ({ ms }: Pick<Term, 'ms'>, nowMs: number): string =>
  new Date(retentionCutOff({ ms }, nowMs)).toISOString();
