/**
 * Bytes of request bodies and answers that may be held at once, over all requests: what bounds the memory of a gateway
 * under load. Bodies that arrive whole in one piece are not counted here but where they wait, in the append queue.
 */
export class BodyBudget {
  private held = 0;

  constructor(private readonly bytesMax: number) {}

  get heldBytes(): number {
    return this.held;
  }

  /** Nothing more may be taken now. */
  get exhausted(): boolean {
    return this.held >= this.bytesMax;
  }

  /** What one request holds; to be released when its answer is out or its client gone. */
  lease(): BodyLease {
    return new Lease(this);
  }

  take(bytes: number): boolean {
    if (this.held + bytes > this.bytesMax) return false;
    this.held += bytes;
    return true;
  }

  /** Counts what is there already, although it may be more than is left. */
  count(bytes: number): void {
    this.held += bytes;
  }
}

export interface BodyLease {
  /** False when no more may be held now; what was taken before stays. */
  take(bytes: number): boolean;
  /** Counts bytes that are held in any case, such as an answer: others then get less. */
  count(bytes: number): void;
  /** Gives back everything; does nothing the second time. */
  release(): void;
}

class Lease implements BodyLease {
  private held = 0;
  private released = false;

  constructor(private readonly budget: BodyBudget) {}

  take(bytes: number): boolean {
    // A client that left has given back its bytes already, and nobody would give back these.
    if (this.released || !this.budget.take(bytes)) return false;
    this.held += bytes;
    return true;
  }

  count(bytes: number): void {
    if (this.released) return;
    this.budget.count(bytes);
    this.held += bytes;
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    this.budget.count(-this.held);
  }
}
