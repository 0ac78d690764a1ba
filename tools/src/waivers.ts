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
];

/** Source files above 300 lines. */
export const SIZE_WAIVERS: Readonly<Record<string, string>> = {};

/** Source files that nothing imports. */
export const DEAD_FILE_WAIVERS: Readonly<Record<string, string>> = {};

/** Lines with a path or a host of one machine, by file. */
export const MACHINE_WAIVERS: Readonly<Record<string, string>> = {};
