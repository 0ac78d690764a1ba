/** Defects that are planted on purpose: each must be found, or the simulation proves nothing. */
export const MUTATIONS = [
  'acknowledge-before-append',
  'retry-under-a-new-append-id',
  'take-forged-webhooks',
  'keep-what-strict-refuses',
  'skip-the-position-fence',
  'ignore-claims',
  'land-under-old-contracts',
  'take-every-change-for-harmless',
  'message-outside-the-transaction',
  'commit-without-txn',
  'advance-without-compare',
  'trim-above-the-slowest-group',
  'collect-files-of-the-living',
  'count-windows-twice',
  'leave-firings-outside-the-transaction',
  'forget-what-was-pruned',
  'prune-claims-of-the-uncommitted',
  'leave-replayed-items-open',
  'count-replays-outside-the-transaction',
] as const;

export type Mutation = (typeof MUTATIONS)[number];
