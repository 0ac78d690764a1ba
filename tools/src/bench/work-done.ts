import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { adminUrlOf } from '../chaos/admin-url';
import { runningProcesses } from '../start/running';
import { readCpu } from './cpu';
import type { Bench } from './with-millrace';

/** What has been done so far, in things that can be counted: unlike times they do not depend on who else is at work. */
export interface WorkDone {
  /** CPU seconds by process. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Bytes that a process has read from files and connections, by process (`rchar` of proc(5)); none off Linux. */
  readonly read: Readonly<Record<string, number>>;
  /** 8 KiB blocks of tables and indexes that were looked at, in memory or not, by schema. */
  readonly blocks: Readonly<Record<string, number>>;
  /** Rows that were read by scans of whole tables, by schema. */
  readonly scanned: Readonly<Record<string, number>>;
}

/** A session that has nothing to do tells its counts after ten seconds at the latest (PGSTAT_IDLE_INTERVAL). */
const TOLD_MS = 11_000;

const COUNTS = `
  SELECT t.schemaname AS schema, sum(t.seq_tup_read)::float8 AS scanned,
         sum(io.heap_blks_read + io.heap_blks_hit + coalesce(io.idx_blks_read + io.idx_blks_hit, 0)
             + coalesce(io.toast_blks_read + io.toast_blks_hit + io.tidx_blks_read + io.tidx_blks_hit, 0))::float8 AS blocks
    FROM pg_stat_user_tables t JOIN pg_statio_user_tables io USING (relid) GROUP BY 1`;

/** To be asked when nothing is under way. */
export async function workDone({ dataDir, postgresPort }: Bench): Promise<WorkDone> {
  await sleep(TOLD_MS);
  const client = new Client({ connectionString: adminUrlOf(dataDir, postgresPort) });
  await client.connect();
  try {
    const { rows } = await client.query<{ schema: string; scanned: number; blocks: number }>(COUNTS);
    return {
      cpu: readCpu(dataDir),
      read: Object.fromEntries(runningProcesses(dataDir).map(({ name, pid }) => [name, bytesRead(pid)])),
      blocks: Object.fromEntries(rows.map(({ schema, blocks }) => [schema, blocks])),
      scanned: Object.fromEntries(rows.map(({ schema, scanned }) => [schema, scanned])),
    };
  } finally {
    await client.end();
  }
}

function bytesRead(pid: number): number {
  try {
    return Number(/^rchar: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/** How much more of one thing has been done; NaN where it is not counted. */
export const more = (kind: keyof WorkDone, name: string, before: WorkDone, after: WorkDone): number =>
  (after[kind][name] ?? Number.NaN) - (before[kind][name] ?? Number.NaN);
