import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { openDuck } from '../duckdb';
import { ConcurrentModification } from '../errors';
import { DeltaTable } from '.';

/**
 * A writer of one of several kinds, in a process of its own: prints a line for each commit that was confirmed. The
 * tests run several at once, and kill them.
 */
async function main(root: string, kind: string, id: number, times: number): Promise<void> {
  const duck = await openDuck({ memoryLimitMb: 128, threads: 1 });
  const table = await DeltaTable.open(createFilesystemStorage({ root }), 't', { duck, checkpointInterval: 7 });
  for (let i = 0; i < times; i++) {
    if (kind === 'append') {
      const txn = { appId: `writer-${id}`, version: i };
      await table.append(`SELECT ${id * 1_000_000 + i} AS id, ${i % 3} AS p, 1 AS n FROM range(10)`, { txn });
    } else if (kind === 'count') {
      // Reads a number and writes its successor: nothing may be lost, whoever else does the same.
      await untilDone(async () => {
        const snapshot = await table.refresh();
        const sql = await table.scanSql(snapshot, { files: table.prune(snapshot, { p: { values: [100] } }) });
        const [row] = await duck.query(`SELECT coalesce(max(n), 0) AS n FROM (${sql})`);
        await table.replacePartitions('p', ['100'], `SELECT -1 AS id, 100 AS p, ${Number(row.n) + 1} AS n`, {
          basedOn: snapshot,
        });
      });
    } else await table.optimize();
    process.stdout.write(`${i}\n`);
  }
  await table.settled();
  await duck.close();
}

async function untilDone(task: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ConcurrentModification)) throw error;
    }
  }
}

const [root, kind, id, times] = process.argv.slice(2);
void main(root, kind, Number(id), Number(times));
