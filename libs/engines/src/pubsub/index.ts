import fs from 'node:fs';
import path from 'node:path';
import { accepts, type Engine, freePorts, startEngine } from '../engine-process';
import { installed, run } from '../installed';

const RECIPE = path.join(__dirname, '..', '..', 'recipes', 'pubsub');
const FILES = ['go.mod', 'go.sum', 'main.go'];

/** Google's own in-memory server as a program. Takes Go. */
const binary = (): string => {
  const texts = FILES.map((file) => fs.readFileSync(path.join(RECIPE, file), 'utf8'));
  const folder = installed('pubsub', texts, (made) => {
    run('go', ['build', '-mod=readonly', '-trimpath', '-o', path.join(made, 'pstest'), '.'], { cwd: RECIPE });
  });
  return path.join(folder, 'pstest');
};

/**
 * A Pub/Sub server on a free port, empty: pstest, which keeps everything in memory. It delivers by pull, knows ordering
 * keys, and does not do push, backoff of redeliveries, or snapshots.
 */
export async function startPubsub(): Promise<Engine> {
  const command = binary();
  const [port] = await freePorts(1);
  return startEngine({ name: 'Pub/Sub', command, args: ['-port', String(port)], port, ready: accepts });
}
