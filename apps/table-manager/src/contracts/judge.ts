import { checkCompatibility } from '@millrace/contracts/compatibility';
import type { Judge } from './registry-port';

/** Contracts are judged by what their validators let through. */
export const judgeContracts: Judge = (mode, proposed, previous) =>
  checkCompatibility({ mode, proposed: proposed.contract, previous: previous.map(({ contract }) => contract) });
