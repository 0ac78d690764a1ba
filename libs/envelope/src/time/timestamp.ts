const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MINUTES_PER_DAY = 1440;

/**
 * RFC 3339, read strictly, as ISO-8601 UTC with up to six fractional digits: equal instants give equal texts. Null unless
 * the text has a date of the calendar (years 0001-9999, in UTC too), a time of day without leap second, and an offset.
 * Lower-case `t` and `z` are accepted (section 5.6). Digits beyond microseconds are cut off, never rounded up into the
 * next second; trailing zeros go.
 */
export function normalizeTimestamp(text: string): string | null {
  const length = text.length;
  if (length < 20 || !isDay(text)) return null;
  const t = text.charCodeAt(10);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if (!((t === 0x54 || t === 0x74) && hour <= 23 && minute <= 59 && second <= 59)) return null;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return null;
  let end = 19;
  let fraction = '';
  if (text.charCodeAt(end) === 0x2e) {
    do end++;
    while (digit(text, end) >= 0);
    if (end === 20) return null;
    fraction = shortFraction(text, Math.min(end, 26));
  }
  const zone = text.charCodeAt(end);
  if (zone === 0x5a || zone === 0x7a) {
    if (length !== end + 1) return null;
    if (length === 20 && t === 0x54 && zone === 0x5a) return text;
    return `${text.slice(0, 10)}T${text.slice(11, 19)}${fraction}Z`;
  }
  if ((zone !== 0x2b && zone !== 0x2d) || length !== end + 6 || text.charCodeAt(end + 3) !== 0x3a) return null;
  const offsetHours = two(text, end + 1);
  const offsetMinutes = two(text, end + 4);
  if (!(offsetHours <= 23 && offsetMinutes <= 59)) return null;
  const offset = (zone === 0x2d ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
  const day = shiftDay(text, hour * 60 + minute - offset);
  if (day === null) return null;
  const ofDay = (hour * 60 + minute - offset + MINUTES_PER_DAY) % MINUTES_PER_DAY;
  return `${day}T${pad2(Math.floor(ofDay / 60))}:${pad2(ofDay % 60)}:${text.slice(17, 19)}${fraction}Z`;
}

/** RFC 3339 `full-date` that exists, `YYYY-MM-DD`, years 0001-9999. */
export function isCalendarDate(text: string): boolean {
  return text.length === 10 && isDay(text);
}

function isDay(text: string): boolean {
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return false;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return false;
  return day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  return month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : DAYS_IN_MONTH[month - 1];
}

/** The date `minutes` after its midnight, which is the day itself or a neighbour; null beyond the years 0001-9999. */
function shiftDay(text: string, minutes: number): string | null {
  if (minutes >= 0 && minutes < MINUTES_PER_DAY) return text.slice(0, 10);
  let year = two(text, 0) * 100 + two(text, 2);
  let month = two(text, 5);
  let day = two(text, 8) + (minutes < 0 ? -1 : 1);
  if (day === 0) {
    month = month === 1 ? 12 : month - 1;
    if (month === 12) year--;
    if (year < 1) return null;
    day = daysIn(year, month);
  } else if (day > daysIn(year, month)) {
    day = 1;
    month = month === 12 ? 1 : month + 1;
    if (month === 1) year++;
    if (year > 9999) return null;
  }
  return `${String(year).padStart(4, '0')}-${pad2(month)}-${pad2(day)}`;
}

function shortFraction(text: string, to: number): string {
  let end = to;
  while (end > 20 && text.charCodeAt(end - 1) === 0x30) end--;
  return end === 20 ? '' : text.slice(19, end);
}

/** NaN where there is no digit: every comparison with it is false. */
function digit(text: string, at: number): number {
  const c = text.charCodeAt(at) - 0x30;
  return c >= 0 && c <= 9 ? c : NaN;
}

function two(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

function pad2(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
