import type { Terminal } from '../start/terminal';
import type { Check } from './answers';
import type { Receipt, Trace } from './client';

type Colors = Terminal['colors'];

const RECEIPTS_SHOWN_MAX = 4;

/** An event's way through the services as a timeline: one block for each time that it was received. */
export function traceLines({ status, receipts }: Trace, colors: Colors): string {
  const shown = receipts.slice(0, RECEIPTS_SHOWN_MAX).map((receipt, i) => block(receipt, i, colors));
  const more =
    receipts.length > shown.length
      ? [
          colors.dim(
            `  … and ${receipts.length - shown.length} more receipts, all ${fates(receipts.slice(shown.length))}`,
          ),
        ]
      : [];
  return [`  ${status}, received ${receipts.length} times`, ...shown, ...more].join('\n');
}

/** However often it was sent: it landed once, and its row is in every mart that counts it. */
export function traceChecks({ status, receipts }: Trace): Check[] {
  const landed = receipts.filter(({ fate }) => fate === 'landed');
  const others = receipts.filter(({ fate }) => fate !== 'landed');
  const marts = landed.flatMap((receipt) => receipt.marts);
  const built = marts.filter(({ version }) => version !== null).length;
  return [
    { what: 'landed', got: `${landed.length}`, known: '1', ok: landed.length === 1 && status === 'LANDED' },
    {
      what: 'repetitions',
      got: `${others.length}, ${fates(others)}`,
      known: 'at least 1, all duplicate',
      ok: others.length > 0 && others.every(({ fate }) => fate === 'duplicate'),
    },
    {
      what: 'same content, however it was written',
      got: others.some(({ dedupe }) => dedupe.contentDiffers) ? 'no' : 'yes',
      known: 'yes',
      ok: !others.some(({ dedupe }) => dedupe.contentDiffers),
    },
    {
      what: 'in the marts',
      got: `${built} of ${marts.length}`,
      known: 'all',
      ok: marts.length > 0 && built === marts.length,
    },
  ];
}

function block(receipt: Receipt, index: number, colors: Colors): string {
  const { dedupe, verdict, raw, batch, commit } = receipt;
  const steps: [at: string | null, step: string, facts: string][] = [
    [
      receipt.receivedAt,
      'received',
      `over ${receipt.via} from ${receipt.source ?? 'an unnamed source'}, tenant ${receipt.tenant}`,
    ],
    [
      null,
      'checked',
      verdict
        ? `${verdict.rule} (${verdict.reason} at ${verdict.path})`
        : `against ${receipt.contract ?? 'no contract'}: nothing wrong`,
    ],
    [null, 'compared', compared(dedupe)],
    [null, 'raw', `${raw.part} line ${raw.line}`],
    ...(batch
      ? [
          [
            batch.landedAt,
            receipt.fate === 'landed' ? 'landed' : 'settled',
            `in batch ${batch.id}, number ${batch.number} of the lake, from ${batch.topic}/${batch.partition}`,
          ] as [string, string, string],
        ]
      : []),
    ...(commit
      ? [
          [
            commit.at,
            'committed',
            Object.entries(commit.tables)
              .map(([table, version]) => `${table} v${version}`)
              .join(', '),
          ] as [string, string, string],
        ]
      : []),
    ...receipt.marts.map(({ mart, partition, version, at }): [string | null, string, string] => [
      at,
      'counted',
      version === null ? `${mart} ${partition}: not yet` : `${mart} ${partition} v${version}`,
    ]),
  ];
  const head = `  ${index + 1}. ${receipt.fate === 'landed' ? colors.green('landed') : colors.yellow(receipt.fate)}`;
  return [
    head,
    ...steps.map(
      ([at, step, facts]) =>
        `     ${colors.dim((at ?? '').slice(11, 23).padEnd(12))}  ${colors.cyan(step.padEnd(9))}  ${facts}`,
    ),
  ].join('\n');
}

function compared({ key, duplicateOfBatch, contentDiffers }: Receipt['dedupe']): string {
  if (key === null) return 'not: it has no key';
  const short = `key ${key.slice(0, 8)}…`;
  if (duplicateOfBatch === null) return `${short} is new`;
  return `${short} landed with batch ${duplicateOfBatch}, ${contentDiffers ? 'with OTHER content' : 'with the same content'}`;
}

const fates = (receipts: readonly Receipt[]): string =>
  [...new Set(receipts.map(({ fate }) => fate))].join(' and ') || 'none';
