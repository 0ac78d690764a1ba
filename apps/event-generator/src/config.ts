import {
  boolean,
  type ConfigOf,
  defineConfig,
  duration,
  integer,
  oneOf,
  path,
  port,
  string,
  url,
} from '@millrace/service';

export const config = defineConfig({
  port: port({ env: ['PORT', 'EVENT_GENERATOR_PORT'], default: 8085, doc: 'Port to listen on.' }),
  storageRoot: path({
    env: 'STORAGE_ROOT',
    example: '/var/lib/millrace/lake',
    doc: 'Folder of the lake; only read, for the API keys of who may call.',
  }),
  target: oneOf({
    env: 'GENERATOR_TARGET',
    values: ['http', 'kafka', 'pubsub'],
    default: 'http',
    doc: "Where events go: Millrace's public URL, a Kafka topic, or a Pub/Sub topic.",
  }),
  targetUrl: url({
    env: 'GENERATOR_TARGET_URL',
    schemes: ['http:', 'https:'],
    default: 'http://127.0.0.1:8080',
    doc: 'http: public URL of Millrace; events go to /v1/events below it.',
  }),
  targetToken: string({
    env: 'GENERATOR_TARGET_TOKEN',
    optional: true,
    secret: true,
    doc: 'http: bearer token of a principal that may send events.',
  }),
  requestMsMax: duration({
    env: 'GENERATOR_REQUEST_TIMEOUT',
    default: 30_000,
    min: 100,
    max: 600_000,
    doc: 'A request to the target that takes longer is broken off; its outcome is unknown then.',
  }),
  retryMsMax: duration({
    env: 'GENERATOR_RETRY_MAX',
    default: 60_000,
    min: 0,
    max: 3_600_000,
    doc: 'Longest time in which one batch is sent again, with the same ids, while the target is busy or away.',
  }),
  connectionsMax: integer({
    env: 'GENERATOR_CONNECTIONS_MAX',
    default: 64,
    min: 1,
    max: 1_024,
    doc: 'http: connections to the target.',
  }),
  messageFormat: oneOf({
    env: 'GENERATOR_MESSAGE_FORMAT',
    values: ['json', 'cloudevents'],
    default: 'json',
    doc: 'kafka, pubsub: plain JSON, or CloudEvents in binary mode.',
  }),
  kafkaBrokers: string({
    env: 'KAFKA_BROKERS',
    default: '127.0.0.1:9092',
    pattern: /^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$/,
    accepts: 'host:port, several parted by commas',
    doc: 'kafka: brokers to begin with.',
  }),
  kafkaTopic: string({
    env: 'KAFKA_TOPIC',
    default: 'events',
    charsMax: 249,
    pattern: /^[\w.-]+$/,
    accepts: '1 to 249 letters, digits, dots, underscores and hyphens',
    doc: 'kafka: topic; it has to be there.',
  }),
  projectId: string({
    env: 'GCP_PROJECT_ID',
    default: 'millrace',
    charsMax: 128,
    doc: 'pubsub: project of the topic.',
  }),
  credentialsPath: path({
    env: 'GCP_CREDENTIALS_PATH',
    optional: true,
    example: '/etc/millrace/service-account.json',
    doc: 'pubsub: key file of a service account; without it the application default credentials are used.',
  }),
  pubsubTopic: string({
    env: 'PUBSUB_TOPIC_NAME',
    default: 'events',
    charsMax: 255,
    doc: 'pubsub: topic, without its project; it has to be there.',
  }),
  pubsubOrdered: boolean({
    env: 'PUBSUB_ORDERING',
    default: false,
    doc: 'pubsub: give messages an ordering key, such as the order or the shipment.',
  }),
  pubsubEmulator: string({
    env: 'PUBSUB_EMULATOR_HOST',
    optional: true,
    example: '127.0.0.1:8085',
    doc: "pubsub: address of an emulator, in place of Google's servers.",
  }),
  demoDataDir: path({
    env: 'DEMO_DATA_DIR',
    optional: true,
    example: '/var/lib/millrace/demo',
    doc: 'Folder of the demo data sets; without it, the one that comes with Millrace.',
  }),
});

export type Config = ConfigOf<typeof config>;
