import { randomBytes } from 'node:crypto';
import { ON_TIME_COLUMNS, SHIPMENTS_DAILY_COUNTS } from '@millrace/marts';
import type { Terminal } from '../start/terminal';
import {
  cellsCheck,
  type Check,
  conservationChecks,
  type Counts,
  daysOf,
  eventsIn,
  exceptionsByDayAndCarrier,
  quarantineChecks,
  rowIsRight,
} from './answers';
import { createClient, type MillraceClient, type Totals } from './client';
import type { DataSet } from './data-set';
import { load } from './load';
import { createProgress, type Progress } from './progress';
import { carrierTable, checkLines, conservationLine, quarantineTable } from './report';
import { rest, settle } from './settle';
import { traceChecks, traceLines } from './trace-view';

export interface Phase {
  readonly name: string;
  readonly ms: number;
}

export interface Toured {
  /** Whether every number is the known one. */
  readonly right: boolean;
  readonly phases: readonly Phase[];
}

export interface TourOptions {
  readonly origin: string;
  readonly data: DataSet;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Told of the bar while there is one, so that log lines do not run into it. */
  readonly onProgress: (progress: Progress | null) => void;
}

/** Loads the data set through the front door and prints what became of it, each number beside the known one. */
export async function tour({ origin, data, terminal, signal, onProgress }: TourOptions): Promise<Toured> {
  const client = createClient(origin, { signal });
  const { known } = data;
  const days = daysOf(known);
  const phases: Phase[] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    phases.push({ name, ms: performance.now() - began });
    return result;
  };

  const waiting = { client, days, signal, onPending: sayWhatIsAwaited(terminal) };
  // What an interrupted run left behind must not be counted as this one's.
  await timed('rest', () => rest(waiting));
  const before = await countsOf(client, days);
  const sent = await timed('load', () => loadAll(client, data, onProgress));
  const settled = await timed('settle', () => settle(before.totals.landed, before.inMarts, waiting));
  const { after, answers } = await timed('ask', async () => ({
    after: await countsOf(client, days),
    answers: await ask(client, days, data.repeatedEventId),
  }));

  const receipts: Check[] = [
    {
      what: 'receipts: accepted + quarantined at the door',
      got: `${sent.accepted.toLocaleString('en-US')} + ${sent.quarantined.toLocaleString('en-US')}`,
      known: known.counts.received.toLocaleString('en-US'),
      ok: sent.accepted + sent.quarantined === known.counts.received,
    },
  ];
  const counts = conservationChecks(before, after, known);
  const causes = quarantineChecks(before, after, known);
  const cells = [
    cellsCheck(
      'shipments by day and carrier',
      answers.daily,
      known.dayCarrier,
      ['service_date', 'carrier_code'],
      SHIPMENTS_DAILY_COUNTS,
    ),
    cellsCheck('on time by carrier', answers.carriers, known.carrier, ['carrier_code'], ON_TIME_COLUMNS),
    cellsCheck('on time by day', answers.days, known.day, ['service_date'], ON_TIME_COLUMNS),
    cellsCheck('on time by lane', answers.lanes, known.lane, ['lane'], ON_TIME_COLUMNS),
    cellsCheck(
      'exceptions by day and carrier',
      exceptionsByDayAndCarrier(answers.exceptions),
      known.dayCarrier.filter((row) => Number(row['exceptions']) > 0),
      ['service_date', 'carrier_code'],
      ['exceptions'],
    ),
  ];

  const way = traceChecks(answers.trace);

  const { colors } = terminal;
  const title = (text: string): void => terminal.print(`\n${colors.bold(text)}`);
  title('Where every item went');
  terminal.print(conservationLine(after.totals, [...receipts, ...counts], before.inMarts, colors));
  if (!settled)
    terminal.print(colors.red('  The counts did not come to rest; what follows is the state they stopped at.'));
  title('On-time performance by carrier');
  terminal.print(carrierTable(answers.carriers, known, colors));
  terminal.print(checkLines(cells, colors));
  title('Quarantine by cause');
  terminal.print(quarantineTable(causes, colors));
  title(`One event's trace: ${data.repeatedEventId}`);
  terminal.print(`${traceLines(answers.trace, colors)}\n${checkLines(way, colors)}`);

  const rows = answers.carriers.every((row) => rowIsRight(row, known.carrier, 'carrier_code', ON_TIME_COLUMNS));
  return {
    right: settled && rows && [...receipts, ...counts, ...causes, ...cells, ...way].every(({ ok }) => ok),
    phases,
  };
}

async function countsOf(client: MillraceClient, days: string): Promise<Counts> {
  const [totals, quarantine, daily] = await Promise.all([
    client.conservation(),
    client.quarantineGroups(),
    client.rows(`/v1/shipments/daily?${days}`),
  ]);
  return { totals, quarantine, inMarts: eventsIn(daily) };
}

async function loadAll(client: MillraceClient, { lines }: DataSet, onProgress: TourOptions['onProgress']) {
  const progress = createProgress('loading', lines.length);
  onProgress(progress);
  try {
    return await load({
      client,
      lines,
      runId: randomBytes(6).toString('hex'),
      onProgress: (sent) => progress.update(sent),
    });
  } finally {
    progress.stop();
    onProgress(null);
  }
}

/** A line every two seconds, for who waits. */
function sayWhatIsAwaited(terminal: Terminal): (totals: Totals) => void {
  let said = performance.now();
  return ({ pending, landed }) => {
    if (performance.now() - said < 2_000) return;
    said = performance.now();
    terminal.print(
      pending
        ? `waiting for ${pending.toLocaleString('en-US')} pending items`
        : `waiting for the marts (${landed.toLocaleString('en-US')} events landed)`,
    );
  };
}

async function ask(client: MillraceClient, days: string, eventId: string) {
  const [daily, carriers, byDay, lanes, exceptions, trace] = await Promise.all([
    client.rows(`/v1/shipments/daily?${days}`),
    client.rows(`/v1/on-time-performance?${days}&group_by=carrier_code`),
    client.rows(`/v1/on-time-performance?${days}&group_by=service_date`),
    client.rows(`/v1/on-time-performance?${days}&group_by=lane`),
    client.rows(`/v1/exceptions?${days}`),
    client.trace(eventId),
  ]);
  return { daily, carriers, days: byDay, lanes, exceptions, trace };
}
