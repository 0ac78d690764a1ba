import type { Type } from 'avsc';
import type { AvroBytes } from './avro-bytes';
import type { JsonText, ToJson } from './avro-json';
import { malformed } from './wire-fault';

const DAY_MS = 86_400_000;
/** What RFC 3339 can write: the years 0000 to 9999. */
const MS_MIN = Date.UTC(-1, 0, 1) + 366 * DAY_MS;
const MS_MAX = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Writes values of a logical type as JSON; null for one that does not fit its type, which Avro says to ignore. */
export function logicalJson(name: string, scale: number, underlying: Type & { size?: number }): ToJson | null {
  const of = underlying.typeName as string;
  if (name === 'decimal' && of === 'bytes') return (from, to) => to.add(decimal(from.block(), scale));
  if (name === 'decimal' && of === 'fixed')
    return (from, to) => to.add(decimal(from.take(underlying.size as number), scale));
  if (name === 'uuid' && of === 'string') return (from, to) => to.add(JSON.stringify(from.text()));
  if (name === 'date' && of === 'int')
    return (from, to) => to.add(`"${instant(BigInt(from.int()) * BigInt(DAY_MS)).slice(0, 10)}"`);
  if (name === 'time-millis' && of === 'int') return (from, to) => to.add(`"${time(BigInt(from.int()), 3)}"`);
  if (name === 'time-micros' && of === 'long') return long((value) => time(value, 6));
  if (name === 'timestamp-millis' && of === 'long') return long((value) => timestamp(value, 3));
  if (name === 'timestamp-micros' && of === 'long') return long((value) => timestamp(value, 6));
  if (name === 'timestamp-nanos' && of === 'long') return long((value) => timestamp(value, 9));
  return null;
}

const long =
  (write: (value: bigint) => string): ToJson =>
  (from: AvroBytes, to: JsonText) =>
    to.add(`"${write(BigInt(from.long()))}"`);

/** Two's complement, big-endian, as a number with `scale` digits after the point. */
function decimal(bytes: Buffer, scale: number): string {
  if (bytes.length > 64) throw malformed('a decimal has at most 64 bytes');
  const unsigned = bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
  const value = BigInt.asIntN(Math.max(1, bytes.length * 8), unsigned);
  if (scale === 0) return String(value);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function timestamp(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const seconds = value >= 0n ? value / unit : -((-value + unit - 1n) / unit);
  const fraction = String(value - seconds * unit).padStart(digits, '0');
  return `${instant(seconds * 1000n).slice(0, 19)}.${fraction}Z`;
}

function time(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  if (value < 0n || value >= 86_400n * unit) throw malformed('a time lies within one day');
  const fraction = String(value % unit).padStart(digits, '0');
  return `${instant((value / unit) * 1000n).slice(11, 19)}.${fraction}`;
}

function instant(ms: bigint): string {
  const value = Number(ms);
  if (!(value >= MS_MIN && value <= MS_MAX)) throw malformed('a time lies within the years 0000 to 9999');
  return new Date(value).toISOString();
}
