/** Bounds of dates, times and timestamps, in the text of those. */
export interface Between {
  readonly as: 'date' | 'timestamp' | 'time';
  readonly minimum?: string;
  readonly maximum?: string;
  readonly exclusiveMinimum?: string;
  readonly exclusiveMaximum?: string;
}

/**
 * Text that sorts as times do: of timestamps whole seconds since the year 1 in UTC, then the digits of the fraction; of
 * times the text without a fraction's final zeros; dates as they are.
 */
export function temporalOrder(as: Between['as'], text: string): string {
  if (as === 'date') return text;
  if (as === 'time') return text.replace(/\.?0*$/, (zeros) => (text.includes('.') ? '' : zeros));
  return instantOrder(text);
}

function instantOrder(text: string): string {
  const [, whole, fraction, offset] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(text) as unknown as [
    string,
    string,
    string?,
    string?,
  ];
  const seconds = Date.parse(`${whole}${offset}`.toUpperCase()) / 1000;
  const fromYearOne = seconds + 62_135_596_800 + 86_400;
  return `${String(fromYearOne).padStart(13, '0')}.${(fraction ?? '').replace(/0+$/, '')}`;
}

/** A test of text that is known to be a date, time or timestamp. */
export function betweenCheck(bounds: Between): (text: string) => boolean {
  const at = (bound: string | undefined): string | null =>
    bound === undefined ? null : temporalOrder(bounds.as, bound);
  const [least, most] = [at(bounds.minimum), at(bounds.maximum)];
  const [above, below] = [at(bounds.exclusiveMinimum), at(bounds.exclusiveMaximum)];
  return (text) => {
    const value = temporalOrder(bounds.as, text);
    return (
      (least === null || value >= least) &&
      (most === null || value <= most) &&
      (above === null || value > above) &&
      (below === null || value < below)
    );
  };
}
