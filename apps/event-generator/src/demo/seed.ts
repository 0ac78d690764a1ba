import type { Random } from '@millrace/observability';
import type { Outgoing, TargetName } from '../targets/port';
import { batchesFor } from '../targets/batches';
import type { Publisher } from '../targets/publisher';

export interface SeedRequest {
  readonly dataset: string;
  /** Lines to send, from the first on; all unless given. */
  readonly limit?: number;
  readonly perIngestionMax: number;
}

export interface Seeded {
  readonly dataset: string;
  readonly target: TargetName;
  readonly lines: number;
  readonly acknowledged: number;
  readonly quarantined: number | null;
  readonly refused: number;
  readonly unknown: number;
  readonly requests: number;
  readonly retries: number;
  /** Lines that the target may have twice: they were sent again after an attempt whose outcome is unknown. */
  readonly maybeTwice: number;
  readonly problem: string | null;
}

export interface SeedDeps {
  readonly publisher: Pick<Publisher, 'publish' | 'target'>;
  readonly random: Random;
  readonly linesOf: (dataset: string) => AsyncIterable<Buffer>;
}

/** Requests on their way at once. */
const REQUESTS_MAX = 4;
/** Lines read ahead of sending. */
const CHUNK_LINES = 10_000;

/** Sends a bundled data set as it is, damaged lines included, in about its order. Stops at the first batch that is given up. */
export async function seed(deps: SeedDeps, request: SeedRequest): Promise<Seeded> {
  const { publisher, random, linesOf } = deps;
  const { dataset, limit = Infinity, perIngestionMax } = request;
  const sums = { acknowledged: 0, refused: 0, unknown: 0, requests: 0, retries: 0, maybeTwice: 0 };
  let quarantined: number | null = null;
  let problem: string | null = null;
  let lines = 0;
  const call = random.bytes(9).toString('base64url');

  const send = async (items: readonly Outgoing[]): Promise<void> => {
    const sent = await publisher.publish(items, { requestKey: `seed-${call}-${sums.requests++}` });
    sums.retries += sent.attempts - 1;
    sums[sent.outcome] += items.length;
    if (sent.maybeTwice) sums.maybeTwice += items.length;
    if (sent.quarantined !== null) quarantined = (quarantined ?? 0) + sent.quarantined;
    problem ??= sent.reason;
  };
  const sendAll = async (items: readonly Outgoing[]): Promise<void> => {
    const batches = batchesFor(items, publisher.target, perIngestionMax);
    const lane = async (): Promise<void> => {
      for (let next = batches.next(); !next.done && problem === null; next = batches.next()) await send(next.value);
    };
    await Promise.all(Array.from({ length: REQUESTS_MAX }, lane));
  };

  let chunk: Outgoing[] = [];
  for await (const bytes of linesOf(dataset)) {
    if (lines >= limit || problem !== null) break;
    chunk.push({ bytes: Buffer.from(bytes), key: keyOf(bytes) });
    lines++;
    if (chunk.length < CHUNK_LINES) continue;
    await sendAll(chunk);
    chunk = [];
  }
  if (problem === null) await sendAll(chunk);
  return { dataset, target: publisher.target.name, lines, quarantined, ...sums, problem };
}

/** The subject, for the order of a broker; a line without one that can be read goes anywhere. */
const keyOf = (line: Buffer): string =>
  /"(?:shipment_id|parcel_id|device_id)"\s*:\s*"([^"\\]{1,128})"/.exec(line.toString('latin1'))?.[1] ?? '';
