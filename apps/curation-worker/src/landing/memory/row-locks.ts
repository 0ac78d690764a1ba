/** Locks of rows by key, held until their owner lets go of all of them; whoever asks later waits in line. */
export class RowLocks {
  private readonly held = new Map<string, { owner: object; readonly waiting: { owner: object; go: () => void }[] }>();

  /** Resolves once the owner holds the row; at once when it does so already. */
  async lock(owner: object, key: string): Promise<void> {
    const held = this.held.get(key);
    if (!held) this.held.set(key, { owner, waiting: [] });
    else if (held.owner !== owner) await new Promise<void>((go) => held.waiting.push({ owner, go }));
  }

  /** Gives up what the owner holds and waits for; what it waits for never comes. */
  release(owner: object): void {
    for (const [key, held] of [...this.held]) {
      for (let i = held.waiting.length - 1; i >= 0; i--) if (held.waiting[i].owner === owner) held.waiting.splice(i, 1);
      if (held.owner !== owner) continue;
      const next = held.waiting.shift();
      if (next) {
        held.owner = next.owner;
        next.go();
      } else this.held.delete(key);
    }
  }
}
