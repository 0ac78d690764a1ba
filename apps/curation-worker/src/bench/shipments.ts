import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { compileText, readCatalogDir } from '@millrace/contracts';
import { splitNdjson } from '@millrace/envelope';
import { type InboundHeaders, TOPICS } from '@millrace/topics';
import { ContractsInForce } from '../contracts/in-force';
import type { Outcome } from '../pipeline/outcome';
import { type MicroBatch, receive } from '../pipeline/received';

/** The bundled data set. */
export const DEMO = path.join(__dirname, '..', '..', '..', '..', 'demo', 'shipments');
const TOPIC = TOPICS.eventsInbound.name;
const PARTITION = '0';

/** What the bundled data set is known to become: items by fate. */
export type Books = Readonly<Record<Outcome['fate'], number>>;

export function knownAnswer(): Books {
  const known = JSON.parse(readFileSync(path.join(DEMO, 'expected', 'manifest.json'), 'utf8')) as Record<
    'unique_valid_events' | 'duplicates' | 'quarantined',
    number
  >;
  const { unique_valid_events: landed, duplicates: duplicate, quarantined } = known;
  return { landed, duplicate, quarantined, waiting: 0 };
}

/** Items of the bundled data set as they were sent: some are no JSON, some no UTF-8. */
export function shipmentItems(): Buffer[] {
  const split = splitNdjson(gunzipSync(readFileSync(path.join(DEMO, 'events.jsonl.gz'))), { itemsMax: 1_000_000 });
  if (split.refusal) throw new Error(split.refusal.rule);
  return split.items;
}

/** The items as micro-batches of one partition, each of appends of `perAppend` items. */
export function microBatches(items: readonly Buffer[], itemsMax: number, perAppend: number): MicroBatch[] {
  const batches: MicroBatch[] = [];
  for (let from = 0; from < items.length; from += itemsMax) {
    const to = Math.min(items.length, from + itemsMax);
    const appends = [];
    for (let base = from; base < to; base += perAppend) {
      const at = new Date(Date.UTC(2026, 10, 21, 10, 20) + base).toISOString();
      const headers: InboundHeaders = { format: 'event', tenant: 'default', source: 'http', at };
      const records = items.slice(base, Math.min(to, base + perAppend)).map((value, n) => ({
        ...{ key: null, headers: headers as unknown as Record<string, string>, value, offset: base + n },
      }));
      const header = { appendId: `append-${base}` };
      appends.push({ header, appendedAt: new Date(at), base, size: records.length, records });
    }
    batches.push(receive(TOPIC, PARTITION, { from, to }, appends));
  }
  return batches;
}

/** The contracts that come with Millrace, as if published. */
export function bundledContracts(): ContractsInForce {
  const contracts = readCatalogDir().map(({ contract, yaml }) => ({
    compiled: compileText(yaml),
    label: `${contract.name}@${contract.version}`,
    schemaHash: createHash('sha256').update(yaml).digest('hex').slice(0, 16),
  }));
  return new ContractsInForce(1, contracts);
}
