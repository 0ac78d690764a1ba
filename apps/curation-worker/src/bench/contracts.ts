import {
  CONTRACT_PARSED_PREFIX,
  contractIndexPath,
  contractParsedPath,
  contractVersionPath,
  encodeContractIndex,
  encodeParsedContract,
  readCatalogDir,
} from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readContracts } from '../contracts/read-contracts';

const BYTES_PER_MB = 1e6;

export interface ContractsCost {
  readonly contracts: number;
  /** CPU time of reading and compiling them, as at start. */
  readonly cpuSeconds: number;
  /** What they add to the process, garbage of reading them included. */
  readonly residentMb: number;
}

/**
 * What so many contracts cost a process that starts, each as large as the bundled one and published by itself, so that
 * there are as many indexes as contracts: read from files and made ready, their validators to be compiled when the first
 * event of their type comes. First as table-manager publishes them, parsed; then from their YAML alone.
 */
export async function measureContracts(contracts: number): Promise<[parsed: ContractsCost, fromYaml: ContractsCost]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-'));
  try {
    await publish(createFilesystemStorage({ root: folder }), contracts);
    const parsed = readElsewhere(folder, contracts);
    rmSync(path.join(folder, CONTRACT_PARSED_PREFIX), { recursive: true });
    return [parsed, readElsewhere(folder, contracts)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readElsewhere(folder: string, index: number): ContractsCost {
  const args = [path.join(__dirname, 'read-contracts.child.js'), folder, String(index)];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.execArgv, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the contracts could not be read: ${stderr}`);
  return JSON.parse(stdout) as ContractsCost;
}

/** In a process of its own, which has done nothing else. */
export async function readPublishedOnce(folder: string, index: number): Promise<ContractsCost> {
  const storage = createFilesystemStorage({ root: folder });
  const before = process.memoryUsage().rss;
  const began = process.cpuUsage();
  const { contracts, unavailable } = await readContracts(storage, index);
  const { user, system } = process.cpuUsage(began);
  const residentMb = (process.memoryUsage().rss - before) / BYTES_PER_MB;
  if (unavailable.length > 0) throw new Error(`${unavailable[0].name} ${unavailable[0].why}`);
  return { contracts: contracts.length, cpuSeconds: (user + system) / 1e6, residentMb };
}

async function publish(storage: Storage, contracts: number): Promise<void> {
  const [{ yaml }] = readCatalogDir();
  const entries = [];
  for (let i = 0; i < contracts; i++) {
    const text = yaml
      .replace('name: shipment_status_changed\nversion', `name: contract_${i}\nversion`)
      .replace('[shipment.status.changed]', `[type.${i}]`)
      .replace('physicalName: shipment_events', `physicalName: table_${i}`);
    const { name, version } = { name: `contract_${i}`, version: '1.0.0' };
    await storage.createIfAbsent(contractVersionPath(name, version), Buffer.from(text));
    const bytes = encodeParsedContract(text);
    if (bytes) await storage.createIfAbsent(contractParsedPath(name, version), bytes);
    entries.push({ name, version, eventTypes: [`type.${i}`] });
    await storage.createIfAbsent(contractIndexPath(i + 1), encodeContractIndex(i + 1, entries));
  }
}
