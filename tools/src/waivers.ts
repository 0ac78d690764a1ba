/**
 * Where a rule of tidy.spec.ts makes a file worse: each with its reason. A waiver that nothing needs any more fails.
 */
import type { BannedCall } from './tidy/calls';

export interface CallWaiver {
  readonly file: string;
  readonly call: BannedCall;
  readonly reason: string;
}

export const CALL_WAIVERS: readonly CallWaiver[] = [
  {
    file: 'libs/contracts/src/catalog-dir.ts',
    call: 'fs',
    reason: 'the bundled contracts are files of this package, not objects of a lake',
  },
  {
    file: 'libs/marts/src/catalog.ts',
    call: 'fs',
    reason: "a mart's SQL is a file of this package, read once when it is loaded",
  },
  {
    file: 'libs/envelope/src/corpora-dir.ts',
    call: 'fs',
    reason: 'finds the folder of test corpora; no product code imports it',
  },
  {
    file: 'libs/contracts/src/corpora-dir.ts',
    call: 'fs',
    reason: 'finds the folder of test corpora; no product code imports it',
  },
  {
    file: 'libs/messaging/src/timers.ts',
    call: 'setTimeout',
    reason: 'the one place of this library that waits; everything else takes its Timers',
  },
  {
    file: 'libs/lakehouse/src/delta/checkpoint-write.ts',
    call: 'fs',
    reason: 'hands DuckDB a scratch file to read, which is no object of the lake',
  },
  {
    file: 'libs/lakehouse/src/delta/copy-rows.ts',
    call: 'fs',
    reason: 'makes and removes scratch folders that DuckDB writes to before they are published',
  },
  {
    file: 'libs/lakehouse/src/delta/table.ts',
    call: 'randomUUID',
    reason: 'the default of an option: names of files and commits must differ whatever random source a service has',
  },
  {
    file: 'libs/lakehouse/src/delta/table.ts',
    call: 'setTimeout',
    reason: 'the default of an option; no result depends on it',
  },
  {
    file: 'libs/lakehouse/src/delta/table.ts',
    call: 'Date.now',
    reason: 'the default of an option; services hand in their Clock',
  },
];

/** Source files above 300 lines. */
export const SIZE_WAIVERS: Readonly<Record<string, string>> = {};

/** Source files that nothing imports. */
export const DEAD_FILE_WAIVERS: Readonly<Record<string, string>> = {};

/** Lines with a path or a host of one machine, by file. */
export const MACHINE_WAIVERS: Readonly<Record<string, string>> = {};
