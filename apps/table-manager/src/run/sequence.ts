export interface Part {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts parts in order and stops them in reverse, as often as asked. A failing start leaves nothing running. */
export class Sequence {
  private started: Part[] = [];

  constructor(private readonly parts: readonly Part[]) {}

  async start(): Promise<void> {
    for (const part of this.parts) {
      try {
        await part.start();
        this.started.push(part);
      } catch (error) {
        await this.stop().catch(() => undefined);
        throw error;
      }
    }
  }

  /** Goes on when one part fails, and rejects with the first failure at the end. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.started.splice(0).reverse())
      await part.stop().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
