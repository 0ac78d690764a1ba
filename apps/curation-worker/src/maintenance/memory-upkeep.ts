import type { MemoryLandingStore } from '../landing/memory/store';
import type { UnnumberedBatch } from '../landing/message';
import type { DeadEpoch, PassedBatch, UpkeepStore } from './upkeep';

/** Upkeep of the store's model. */
export class MemoryUpkeep implements UpkeepStore {
  constructor(private readonly store: MemoryLandingStore) {}

  async othersAlive(epoch: number): Promise<{ epoch: number; heartbeat: string }[]> {
    return [...this.store.state.workers]
      .filter(([other, { alive }]) => alive && other !== epoch)
      .map(([other, { heartbeatMs }]) => ({ epoch: other, heartbeat: String(heartbeatMs) }));
  }

  async declareDead(epoch: number, heartbeat: string): Promise<boolean> {
    const worker = this.store.state.workers.get(epoch);
    if (!worker?.alive || String(worker.heartbeatMs) !== heartbeat) return false;
    Object.assign(worker, { alive: false, endedMs: this.store.clock.now() });
    return true;
  }

  async uncollected(): Promise<DeadEpoch[]> {
    return [...this.store.state.workers]
      .filter(([, { alive, collected }]) => !alive && !collected)
      .map(([epoch, { acceptedFrom, endedMs }]) => ({ epoch, acceptedFrom, endedAt: new Date(endedMs ?? 0) }));
  }

  async collected(epoch: number): Promise<void> {
    const worker = this.store.state.workers.get(epoch);
    if (worker) worker.collected = true;
  }

  async landedAmong(batchIds: readonly number[]): Promise<Set<number>> {
    return new Set(batchIds.filter((id) => this.store.state.manifests.has(id)));
  }

  async passed(keepMs: number, limit: number): Promise<PassedBatch[]> {
    const { manifests, progress } = this.store.state;
    const upTo = progress.get(this.store.lineId)?.number ?? 0;
    const beforeMs = this.store.clock.now() - keepMs;
    return [...manifests.values()]
      .filter(({ number, landedMs, stagedDeleted }) => !stagedDeleted && number <= upTo && landedMs < beforeMs)
      .sort((a, b) => a.number - b.number)
      .slice(0, limit)
      .map(({ batchId, message }) => ({ batchId, files: (message as UnnumberedBatch).files }));
  }

  async stagedDeleted(batchIds: readonly number[]): Promise<void> {
    for (const id of batchIds) {
      const row = this.store.state.manifests.get(id);
      if (row) row.stagedDeleted = true;
    }
  }
}
