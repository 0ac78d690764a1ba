import type { Breaks, CompatibilityMode, ComparedVersion, Difference, Finding, Verdict } from './verdict';
import { FINDINGS_MAX } from './verdict';

/** A version under its name. */
export interface Versioned<T> {
  readonly version: string;
  readonly of: T;
}

/** Everything that `reader` refuses of what `writer` may send. */
export type Compare<T> = (reader: T, writer: T) => readonly Difference[];

/**
 * Judges a proposed version by a mode.
 *
 * @param previous newest first
 */
export function judge<T>(
  mode: CompatibilityMode,
  proposed: Versioned<T>,
  previous: readonly Versioned<T>[],
  compare: Compare<T>,
): Verdict {
  const against = versionsOf(mode, previous).map(({ version, of }): ComparedVersion => {
    const findings: Finding[] = [];
    if (mode.startsWith('BACKWARD') || mode.startsWith('FULL'))
      findings.push(...compare(proposed.of, of).map((d) => inWords(d, 'backward', proposed.version, version)));
    if (mode.startsWith('FORWARD') || mode.startsWith('FULL'))
      findings.push(...compare(of, proposed.of).map((d) => inWords(d, 'forward', version, proposed.version)));
    return { version, findings: findings.slice(0, FINDINGS_MAX) };
  });
  return { compatible: against.every(({ findings }) => findings.length === 0), mode, against };
}

function versionsOf<T>(mode: CompatibilityMode, previous: readonly Versioned<T>[]): readonly Versioned<T>[] {
  if (mode === 'NONE') return [];
  return mode.endsWith('_TRANSITIVE') ? previous : previous.slice(0, 1);
}

/** The reader of a backward break is the proposed version, of a forward break the earlier one. */
function inWords(difference: Difference, breaks: Breaks, reader: string, writer: string): Finding {
  const { path, rule, counterExample } = difference;
  const whom =
    breaks === 'backward'
      ? `New readers would refuse events that were sent under version ${writer}.`
      : `Readers that still use version ${reader} would refuse new events.`;
  return {
    path,
    rule,
    message: `A producer of version ${writer} ${difference.writer}; version ${reader} ${difference.reader}. ${whom}`,
    breaks,
    suggestion: breaks === 'backward' ? difference.mendReader : difference.mendWriter,
    counterExample,
  };
}
