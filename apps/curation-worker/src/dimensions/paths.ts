const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Names a dimension in paths, tables and routes. */
export const isDimensionName = (name: string): boolean => NAME.test(name);

/** A tenant as a folder's name. */
const folder = (tenant: string): string =>
  encodeURIComponent(tenant).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export const historyPrefix = (tenant: string, name: string): string => `dimensions/${folder(tenant)}/${name}/`;

const VERSION_DIGITS = 12;

/** `dimensions/<tenant>/<name>/<version>-b<batch>-<epoch>.jsonl.gz` */
export const historyPath = (tenant: string, name: string, version: number, batchId: number, epoch: number): string =>
  `${historyPrefix(tenant, name)}${String(version).padStart(VERSION_DIGITS, '0')}-b${batchId}-${epoch}.jsonl.gz`;

/** The version of a history file's path. */
export const versionOf = (path: string): number => Number(path.slice(path.lastIndexOf('/') + 1).split('-')[0]);

export const RAW_LOADS_PREFIX = 'raw/dimension=';

/** The batch that a load's raw part was written for; null for any other path. */
export function batchOfLoad(path: string): number | null {
  const match = /\/part-(\d+)-\d+\.[a-z]+\.gz$/.exec(path);
  return match && path.startsWith(RAW_LOADS_PREFIX) ? Number(match[1]) : null;
}

/** A load's bytes as they came: `raw/dimension=<name>/tenant=…/load_date=…/part-<batch>-<epoch>.<format>.gz` */
export const rawLoadPath = (
  tenant: string,
  name: string,
  date: string,
  batchId: number,
  epoch: number,
  format: string,
): string =>
  `${RAW_LOADS_PREFIX}${name}/tenant=${folder(tenant)}/load_date=${date}/part-${batchId}-${epoch}.${format}.gz`;
