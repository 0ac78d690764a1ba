import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { accepts, type Engine, freePorts, startEngine } from '../engine-process';
import { installed, run } from '../installed';

const RECIPE = path.join(__dirname, '..', '..', 'recipes', 'kafka', 'pom.xml');

/** The jars of Kafka, some 43 MB. Takes Java 17 and Maven. */
const jars = (): string =>
  installed('kafka', [fs.readFileSync(RECIPE, 'utf8')], (folder) => {
    run('java', ['-version']);
    const target = `-DoutputDirectory=${path.join(folder, 'libs')}`;
    run('mvn', ['-q', '-B', '-f', RECIPE, 'dependency:copy-dependencies', '-DincludeScope=runtime', target]);
  });

/** One node that is broker and controller. What is made small is what a test of one node would wait for. */
const properties = (dir: string, port: number, controller: number): string => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${path.join(dir, 'data')}
num.partitions=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.enable=false
`;

export interface KafkaEngine extends Engine {
  /** Starts it again after a stop or a crash, on the same address and data. */
  restart(): Promise<KafkaEngine>;
  /** Removes its data; after the stop. */
  dispose(): void;
}

/** Apache Kafka 4 in KRaft mode: installs it if need be, starts it on a free port with empty data. */
export async function startKafka(): Promise<KafkaEngine> {
  const libs = path.join(jars(), 'libs', '*');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-kafka-'));
  const [port, controller] = await freePorts(2);
  const config = path.join(dir, 'server.properties');
  fs.writeFileSync(config, properties(dir, port, controller));
  const java = [
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  ];
  const cluster = randomBytes(16).toString('base64url');
  run('java', [...java, '-cp', libs, 'kafka.tools.StorageTool', 'format', '-t', cluster, '-c', config]);
  const start = async (): Promise<KafkaEngine> => {
    const engine = await startEngine({
      name: 'Kafka',
      command: 'java',
      args: [...java, '-cp', libs, 'kafka.Kafka', config],
      port,
      ready: accepts,
    });
    return { ...engine, restart: start, dispose: () => fs.rmSync(dir, { recursive: true, force: true }) };
  };
  return start();
}
