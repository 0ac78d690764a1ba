/**
 * Loaded before each child's own code (`node --require`): ends the child when its supervisor is gone, however it
 * went. The supervisor holds the other end of the IPC channel, and the kernel closes it even after kill -9.
 */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

/** An orphan that has not drained by then is killed: the next supervisor may be waiting for its port. */
const DRAIN_MS_MAX = 10_000;

if (process.send) {
  // Reading the channel would keep an otherwise finished process alive.
  process.channel?.unref();
  process.once('disconnect', () => {
    // With the supervisor went the readers of our output; a log line must not become the cause of death.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    try {
      writeSync(2, 'the supervisor is gone: draining\n');
    } catch {
      // Nobody reads.
    }
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), DRAIN_MS_MAX).unref();
    killFromOutside();
    process.kill(process.pid, 'SIGTERM');
  });
}

/**
 * Another process that ends this one should it stand still: a thread that waits, or Node's own end (nodejs/node#54918),
 * would keep the timer above from running. It ends with this process, whose pid it therefore cannot mistake.
 */
function killFromOutside(): void {
  const program = `setTimeout(() => process.kill(${process.pid}, 'SIGKILL'), ${DRAIN_MS_MAX + 1_000});
    process.stdin.on('close', () => process.exit()).resume();`;
  const killer = spawn(process.execPath, ['-e', program], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  });
  killer.on('error', () => undefined);
  killer.stdin.on('error', () => undefined);
  (killer.stdin as unknown as { unref(): void }).unref();
  killer.unref();
}
