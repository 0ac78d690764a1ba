import Table from 'cli-table3';
import type { KnownAnswers } from '@millrace/marts';
import { ON_TIME_COLUMNS } from '@millrace/marts';
import type { Terminal } from '../start/terminal';
import { type CauseCheck, type Check, rowIsRight } from './answers';
import type { Row, Totals } from './client';

type Colors = Terminal['colors'];

const PLAIN = { style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } };

export const mark = (ok: boolean, colors: Colors): string => (ok ? colors.green('✓') : colors.red('✗'));

/** The law in one line, with this run's share where the folder has seen the data before. */
export function conservationLine(
  { received, landed, duplicate, quarantined, pending }: Totals,
  checks: readonly Check[],
  landedBefore: number,
  colors: Colors,
): string {
  const n = (value: number): string => colors.bold(value.toLocaleString('en-US'));
  const line = `received ${n(received)} = landed ${n(landed)} + duplicate ${n(duplicate)} + quarantined ${n(quarantined)} + pending ${n(pending)}`;
  const note = landedBefore
    ? `\n${colors.dim(`The folder held ${landedBefore.toLocaleString('en-US')} of these events already: they count as duplicates now and change no mart.`)}`
    : '';
  return `${line}${note}\n${checkLines(checks, colors)}`;
}

export function checkLines(checks: readonly Check[], colors: Colors): string {
  const width = Math.max(...checks.map(({ what }) => what.length));
  return checks
    .map(
      ({ what, got, known, ok }) =>
        `  ${mark(ok, colors)} ${what.padEnd(width)}  ${got}${ok ? '' : colors.red(`  known answer: ${known}`)}`,
    )
    .join('\n');
}

/** On-time performance by carrier. A row is right when each of its columns is, also those not shown. */
export function carrierTable(rows: readonly Row[], { carrier }: KnownAnswers, colors: Colors): string {
  const table = new Table({
    ...PLAIN,
    head: ['carrier', 'created', 'delivered', 'on time', '% of delivered', 'mean delay', 'median', 'p95', ''].map(
      (text) => colors.bold(text),
    ),
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  for (const row of [...rows].sort(
    (a, b) => Number(b['on_time_pct_of_delivered']) - Number(a['on_time_pct_of_delivered']),
  )) {
    const ok = rowIsRight(row, carrier, 'carrier_code', ON_TIME_COLUMNS);
    table.push([
      String(row['carrier_code']),
      whole(row['created']),
      whole(row['delivered']),
      whole(row['on_time']),
      fixed(row['on_time_pct_of_delivered']),
      ...['mean_delay_minutes', 'median_delay_minutes', 'p95_delay_minutes'].map(
        (column) => `${fixed(row[column])} min`,
      ),
      mark(ok, colors),
    ]);
  }
  return table.toString();
}

export function quarantineTable(checks: readonly CauseCheck[], colors: Colors): string {
  const table = new Table({
    ...PLAIN,
    head: ['cause', 'items', 'reason and place', 'rule', ''].map((text) => colors.bold(text)),
    colAligns: ['left', 'right', 'left', 'left', 'left'],
    colWidths: [null, null, null, 56, null],
    wordWrap: true,
  });
  for (const { title, got, known, what, rule, ok } of checks)
    table.push([title, ok ? got : `${got} (known: ${known})`, what, rule, mark(ok, colors)]);
  return table.toString();
}

/** How long each phase took, in the order they came. */
export function phaseLine(phases: readonly { readonly name: string; readonly ms: number }[]): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return `${phases.map(({ name, ms }) => `${name} ${seconds(ms)}`).join(' · ')} · in all ${seconds(phases.reduce((sum, { ms }) => sum + ms, 0))}`;
}

const whole = (value: unknown): string => Number(value).toLocaleString('en-US');
const fixed = (value: unknown): string => (typeof value === 'number' ? value.toFixed(1) : '-');
