import {
  bytes,
  type ConfigOf,
  defineConfig,
  duration,
  ingestAccessFields,
  integer,
  number,
  oneOf,
  path,
  port,
  string,
  url,
} from '@millrace/service';
import { BATCH_BYTES_MAX } from './capture/limits';

const MIB = 1 << 20;

export const config = defineConfig({
  ...ingestAccessFields,
  port: port({ env: ['PORT', 'INGEST_GATEWAY_PORT'], default: 8081, doc: 'Port to listen on.' }),
  databaseUrl: url({
    env: 'DATABASE_URL',
    secret: true,
    schemes: ['postgres:', 'postgresql:'],
    example: 'postgresql://millrace_ingest_gateway@127.0.0.1:5432/millrace',
    doc: 'Postgres: the log (schema log) and the idempotency keys (schema ingest_gateway).',
  }),
  storageRoot: path({
    env: 'STORAGE_ROOT',
    example: '/var/lib/millrace/lake',
    doc: 'Folder of the lake: contracts are read from it for ?strict=true, and its disk must have room.',
  }),
  lingerMsMax: integer({
    env: 'GATEWAY_LINGER_MS_MAX',
    default: 2,
    min: 0,
    max: 1_000,
    unit: 'ms',
    doc: 'Longest wait of a request for others to share its append.',
  }),
  appendItemsMax: integer({
    env: 'GATEWAY_APPEND_ITEMS_MAX',
    default: 10_000,
    min: 1,
    max: 100_000,
    unit: 'items',
    doc: 'Items in one append, unless a single request has more.',
  }),
  appendBytesMax: bytes({
    env: 'GATEWAY_APPEND_BYTES_MAX',
    default: 4 * MIB,
    min: 1 << 10,
    max: BATCH_BYTES_MAX,
    doc: 'Bytes in one append, unless a single request has more.',
  }),
  appendsInFlightMax: integer({
    env: 'GATEWAY_APPENDS_IN_FLIGHT_MAX',
    default: 2,
    min: 1,
    max: 4,
    unit: 'appends',
    doc: 'Appends under way at once, each to a partition of its own.',
  }),
  turnItems: integer({
    env: 'GATEWAY_TURN_ITEMS',
    default: 2_000,
    min: 1,
    max: 1_000_000,
    unit: 'items',
    doc: "Items that go to one partition before it is the next one's turn: fewer and larger landings at low rates.",
  }),
  appendMsMax: duration({
    env: 'GATEWAY_APPEND_TIMEOUT',
    default: 10_000,
    min: 100,
    max: 60_000,
    doc: 'The log gives up an append that takes longer.',
  }),
  appendRetryMsMax: duration({
    env: 'GATEWAY_APPEND_RETRY_MAX',
    default: 10_000,
    min: 0,
    max: 60_000,
    doc: 'How long an append of unknown outcome is repeated before its requests get 503.',
  }),
  queueBytesMax: bytes({
    env: 'GATEWAY_QUEUE_BYTES_MAX',
    default: 64 * MIB,
    min: MIB,
    max: 4096 * MIB,
    doc: 'Memory of items taken and not yet durable; beyond it requests get 503.',
  }),
  queueMsMax: duration({
    env: 'GATEWAY_QUEUE_WAIT_MAX',
    default: 5_000,
    min: 100,
    max: 60_000,
    doc: 'A request that waits longer than this for its append to begin gets 503.',
  }),
  delayMsMax: duration({
    env: 'GATEWAY_DELAY_MAX',
    default: 10,
    min: 1,
    max: 60_000,
    doc:
      'Delay of requests beyond the work itself (a busy event loop, a queue before the log) from which fewer are ' +
      'handled at once and the rest gets 503.',
  }),
  burstMsMax: duration({
    env: 'GATEWAY_BURST_WAIT_MAX',
    default: 100,
    min: 0,
    max: 10_000,
    doc: 'A request beyond those handled at once waits so long for a place, unless others have waited all the time.',
  }),
  handledMin: integer({
    env: 'GATEWAY_REQUESTS_MIN',
    default: 128,
    min: 1,
    max: 10_000,
    unit: 'requests',
    doc: 'Requests handled at once, however long they are delayed.',
  }),
  handledMax: integer({
    env: 'GATEWAY_REQUESTS_MAX',
    default: 4_096,
    min: 1,
    max: 100_000,
    unit: 'requests',
    doc: 'Requests handled at once, however fast that is.',
  }),
  refusalsPerSecondMin: integer({
    env: 'GATEWAY_REFUSALS_PER_SECOND_MIN',
    default: 100,
    min: 1,
    max: 1_000_000,
    unit: 'requests',
    doc:
      'Requests beyond what can be handled that get their 503 at once in a second, and one more for each ten that are ' +
      'handled; others wait for it, 5 s at most.',
  }),
  bodyBytesMax: bytes({
    env: 'GATEWAY_BODY_BYTES_MAX',
    default: 192 * MIB,
    min: 2 * BATCH_BYTES_MAX,
    max: 16_384 * MIB,
    doc: 'Memory of request bodies, from their first byte to the end of the answer; beyond it requests get 503.',
  }),
  diskFreePercentMin: number({
    env: 'DISK_FREE_PERCENT_MIN',
    default: 5,
    min: 0,
    max: 100,
    unit: '%',
    doc: 'With less of the disk free than this, requests get 503; 0 for never.',
  }),
  keyConnectionsMax: integer({
    env: 'IDEMPOTENCY_CONNECTIONS_MAX',
    default: 5,
    min: 1,
    max: 100,
    unit: 'connections',
    doc: 'Connections for idempotency keys.',
  }),
  keyTtlMs: duration({
    env: 'IDEMPOTENCY_TTL',
    default: 86_400_000,
    min: 60_000,
    max: 30 * 86_400_000,
    doc: 'How long answers under an Idempotency-Key are kept.',
  }),
  keyLockMs: duration({
    env: 'IDEMPOTENCY_LOCK',
    default: 60_000,
    min: 1_000,
    max: 600_000,
    doc: 'A request under a key that takes longer is taken for dead.',
  }),
  webhookSources: string({
    env: 'WEBHOOK_SOURCES',
    default: '{}',
    secret: true,
    charsMax: 65_536,
    accepts:
      'JSON of the form {"<source>": {"scheme": "standard" | "github" | "stripe", "secrets": ["…"], "tenant": "default"}}',
    doc:
      'How sources of webhooks sign, and whose their events are. One that is named here must; others take a ' +
      'credential like any producer. Several secrets are tried in turn, so that one can be replaced without refusing what is under way.',
  }),
  masterKeyFile: path({
    env: ['MASTER_KEY_FILE'],
    optional: true,
    doc: 'File of the master keys, readable by its owner only; made on first use. Where contracts classify fields, events wait for their curation encrypted; without it they wait in clear. The same for all services that take it.',
  }),
  unknownTypes: oneOf({
    env: ['UNKNOWN_TYPES'],
    values: ['infer', 'quarantine', 'refuse'],
    default: 'infer',
    doc: 'What becomes of events of types without a contract; refuse tells producers that ask for strict checking so. The same for all services.',
  }),
});

export type Config = ConfigOf<typeof config>;
