/**
 * The frame, version 1. Integers are little-endian and unsigned unless said otherwise.
 *
 * | offset | size | what |
 * |---|---|---|
 * | 0 | 3 | magic `MRB` |
 * | 3 | 1 | version, 1 |
 * | 4 | 4 | CRC-32 (IEEE 802.3) of every byte from offset 8 to the end |
 * | 8 | 4 | bytes of the header JSON, 0 when the frame carries none |
 * | 12 | 4 | entries of the headers table |
 * | 16 | 4 | records |
 * | 20 | - | the header, UTF-8 JSON |
 * | - | - | the headers table: an entry is its length (4) and a UTF-8 JSON object of strings |
 * | - | - | the records: index into the table (4), bytes of the key (4, signed, -1 for null), bytes of the value (4), the key, the value |
 *
 * CRC-32 rather than CRC-32C because Node's zlib computes it natively (several GB/s); it guards against torn or
 * altered bytes, not against an adversary.
 */
export const MAGIC = 0x42524d; // the bytes M R B, read as a little-endian 24-bit integer
export const VERSION = 1;
export const PREAMBLE_BYTES = 20;
export const CHECKSUM_FROM = 8;
export const RECORD_PREFIX_BYTES = 12;

export interface FrameLimits {
  readonly frameBytesMax: number;
  readonly recordsMax: number;
  /** JSON of one entry of the headers table. */
  readonly headersBytesMax: number;
  readonly keyBytesMax: number;
  /** JSON of the batch header. */
  readonly headerBytesMax: number;
}

export const FRAME_LIMITS: FrameLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  recordsMax: 1_000_000,
  // 64 KiB of what producers may say beside an event, and what sealing adds: base64 of it.
  headersBytesMax: 96 * 1024,
  keyBytesMax: 4 * 1024,
  headerBytesMax: 1024 * 1024,
};
