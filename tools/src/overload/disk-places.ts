import type { FailpointService } from '@millrace/observability/failpoints';
import { StartError } from '../start/start-error';

/** What goes on while there is no room, and what stands still. */
export type Progress = 'landed' | 'committed' | 'built';

/** One place whose disk is full while all other places have room. */
export interface DiskPlace {
  readonly name: string;
  /** Below the data folder: what is a small file system of its own. */
  readonly folder: string;
  readonly mib: number;
  /**
   * A service that is made to wait right before what is to meet the full disk: raw zone, staged files, tables and marts
   * are on one disk, and what comes first would keep all others from being tried.
   */
  readonly waits?: { readonly service: FailpointService; readonly place: string };
  /** Whether requests are refused; else every one of them is to be accepted. */
  readonly refuses: boolean;
  /** What must not go on. */
  readonly stands: readonly Progress[];
  /** Who must say so at `/readiness`; nobody where work goes on without it. */
  readonly unready: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The service's own reserve would refuse before the disk does. */
const NO_RESERVE = { DISK_FREE_PERCENT_MIN: '0' };
const LAKE = { folder: 'lake', mib: 512, env: NO_RESERVE };

const DISK_PLACES: readonly DiskPlace[] = [
  {
    ...{ name: 'postgres', folder: 'postgres', mib: 1_024 },
    ...{ refuses: true, stands: ['landed'], unready: ['ingest-gateway'] },
  },
  {
    // Segments that are there already are written anew, and then Postgres ends: nothing can be asked.
    ...{ name: 'wal', folder: 'postgres/data/pg_wal', mib: 512 },
    ...{ refuses: true, stands: [], unready: ['ingest-gateway'] },
  },
  { ...LAKE, name: 'reserve', env: {}, refuses: true, stands: [], unready: ['ingest-gateway'] },
  { ...LAKE, name: 'lake', refuses: false, stands: ['landed'], unready: ['curation-worker'] },
  {
    ...{ ...LAKE, name: 'staged', waits: { service: 'curation-worker', place: 'after-claims' } },
    ...{ refuses: false, stands: ['landed'], unready: ['curation-worker'] },
  },
  {
    ...{ ...LAKE, name: 'raw', waits: { service: 'curation-worker', place: 'after-fates' } },
    ...{ refuses: false, stands: ['landed'], unready: ['curation-worker'] },
  },
  {
    ...{ ...LAKE, name: 'tables', waits: { service: 'table-manager', place: 'planned' } },
    ...{ refuses: false, stands: ['committed'], unready: ['table-manager'] },
  },
  {
    ...{ ...LAKE, name: 'delta-log', waits: { service: 'table-manager', place: 'data-written' } },
    ...{ refuses: false, stands: ['committed'], unready: ['table-manager'] },
  },
  {
    ...{ ...LAKE, name: 'catalog', waits: { service: 'table-manager', place: 'committed:clean.shipment_events' } },
    ...{ refuses: false, stands: ['committed'], unready: ['table-manager'] },
  },
  {
    ...{ ...LAKE, name: 'marts', waits: { service: 'table-manager', place: 'built:mart.shipments_daily' } },
    ...{ refuses: false, stands: ['built'], unready: ['table-manager'] },
  },
  // Nothing lands: table-manager, which has committed and built everything, meets the full disk with the contract alone.
  { ...LAKE, name: 'contracts', refuses: false, stands: ['landed'], unready: ['curation-worker'] },
  { name: 'scratch', folder: 'tmp', mib: 64, refuses: false, stands: ['landed'], unready: ['curation-worker'] },
  // The master key is made once; nothing is written here afterwards.
  { name: 'keys', folder: 'keys', mib: 8, refuses: false, stands: [], unready: [] },
  { name: 'logs', folder: 'logs', mib: 16, refuses: false, stands: [], unready: [], env: { LOG_LEVEL: 'debug' } },
];

/** Those of the names, or all. @throws StartError for a name that no place has */
export function diskPlaces(names: readonly string[] = []): readonly DiskPlace[] {
  const unknown = names.find((name) => !DISK_PLACES.some((place) => place.name === name));
  if (unknown !== undefined)
    throw new StartError(`There is no place ${unknown}; there are ${DISK_PLACES.map(({ name }) => name).join(', ')}.`);
  return names.length === 0 ? DISK_PLACES : DISK_PLACES.filter(({ name }) => names.includes(name));
}
