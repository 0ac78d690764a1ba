import { bytes, type ConfigOf, defineConfig, duration, integer, path, port, string, url } from '@millrace/service';

export const config = defineConfig({
  port: port({ env: ['PORT', 'INGEST_GATEWAY_PORT'], default: 8081, doc: 'Port to listen on.' }),
  databaseUrl: url({ env: ['DATABASE_URL'], secret: true, doc: 'Postgres: the log (schema log) and the idempotency keys (schema ingest_gateway).' }),
  storageRoot: path({ env: ['STORAGE_ROOT'], doc: 'Folder of the lake; contracts are read from it for ?strict=true.' }),
  databaseConnectionsMax: integer({ env: ['DATABASE_CONNECTIONS_MAX'], default: 5, min: 1, max: 100, doc: 'Connections beside those of the log.' }),
  lingerMsMax: integer({ env: ['GATEWAY_LINGER_MS_MAX'], default: 2, min: 0, max: 1_000, unit: 'ms', doc: 'Longest wait of a request for others to share its append.' }),
  appendItemsMax: integer({ env: ['GATEWAY_APPEND_ITEMS_MAX'], default: 10_000, min: 1, max: 100_000, unit: 'items', doc: 'Items in one append, unless a single request has more.' }),
  appendBytesMax: bytes({ env: ['GATEWAY_APPEND_BYTES_MAX'], default: 4 << 20, min: 1 << 10, max: 64 << 20, doc: 'Bytes in one append, unless a single request has more.' }),
  appendsInFlightMax: integer({ env: ['GATEWAY_APPENDS_IN_FLIGHT_MAX'], default: 2, min: 1, max: 16, unit: 'appends', doc: 'Appends under way at once.' }),
  queueBytesMax: bytes({ env: ['GATEWAY_QUEUE_BYTES_MAX'], default: 64 << 20, min: 1 << 20, max: 4 * 2 ** 30, doc: 'Bytes accepted from requests and not yet durable; beyond it requests get 503.' }),
  appendRetryMsMax: duration({ env: ['GATEWAY_APPEND_RETRY_MAX'], default: 10_000, min: 0, max: 60_000, doc: 'How long an append of unknown outcome is repeated before its requests get 503.' }),
  idempotencyTtl: duration({ env: ['IDEMPOTENCY_TTL'], default: 86_400_000, min: 60_000, max: 30 * 86_400_000, doc: 'How long answers under an Idempotency-Key are kept.' }),
  idempotencyLock: duration({ env: ['IDEMPOTENCY_LOCK'], default: 60_000, min: 1_000, max: 600_000, doc: 'A request under a key that takes longer is taken for dead.' }),
  webhookSources: string({
    env: ['WEBHOOK_SOURCES'],
    default: '{}',
    secret: true,
    charsMax: 65_536,
    doc: 'JSON: {"<source>": {"scheme": "standard" | "github" | "stripe", "secrets": ["…"]}}. Webhooks of a source named here must be signed; others are taken unsigned, which loopback alone allows.',
  }),
});

export type Config = ConfigOf<typeof config>;
