const ZERO = 0x30;
const POINT = 0x2e;
const MINUTE_MS = 60_000;

/** Days that are remembered at once. */
const DAYS_MAX = 4_096;

/**
 * Reads the envelope's times (see normalizeTimestamp) as milliseconds since the epoch; what is finer is cut off. A day
 * is parsed once: Date.parse costs more than all else that is done to an event here.
 */
export function createEventMs(): (time: string) => number {
  const days = new Map<string, number>();
  return (time) => {
    const day = time.slice(0, 10);
    let ms = days.get(day);
    if (ms === undefined) {
      if (days.size >= DAYS_MAX) days.clear();
      days.set(day, (ms = Date.parse(day)));
    }
    ms += (two(time, 11) * 60 + two(time, 14)) * MINUTE_MS + two(time, 17) * 1_000;
    if (time.charCodeAt(19) !== POINT) return ms;
    for (let i = 20, unit = 100; i < 23; i++, unit /= 10) {
      const digit = time.charCodeAt(i) - ZERO;
      if (digit < 0 || digit > 9) break;
      ms += digit * unit;
    }
    return ms;
  };
}

const two = (text: string, at: number): number => (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
