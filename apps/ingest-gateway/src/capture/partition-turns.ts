/**
 * Which partition an append goes to: one after the other, each for `itemsPerTurn` items.
 *
 * Items have no order among partitions, so the choice is free, and what reads them lands each partition by itself, at a
 * cost that is much the same for ten events and for a thousand. Going round with every append would make of a thousand
 * events a second as many small landings as there are partitions each time; in turns they come together, and over some
 * seconds every partition has its share (cf. Kafka's KIP-480).
 */
export class PartitionTurns {
  private readonly busy = new Set<string>();
  private turn = 0;
  private left: number;

  constructor(
    private readonly partitions: readonly string[],
    private readonly itemsPerTurn: number,
  ) {
    this.left = itemsPerTurn;
  }

  get anyIdle(): boolean {
    return this.busy.size < this.partitions.length;
  }

  /** The partition whose turn it is, or the next one after it that is idle. It is busy until it is given back. */
  take(items: number): string {
    const { partitions } = this;
    for (let i = 0; i < partitions.length; i++) {
      const partition = partitions[(this.turn + i) % partitions.length];
      if (this.busy.has(partition)) continue;
      this.busy.add(partition);
      this.left -= items;
      if (this.left <= 0) {
        this.turn = (this.turn + 1) % partitions.length;
        this.left = this.itemsPerTurn;
      }
      return partition;
    }
    throw new Error('every partition is busy');
  }

  giveBack(partition: string): void {
    this.busy.delete(partition);
  }
}
