import { added, keptAs, keyOf } from '../observe';
import {
  type InferredContract,
  KINDS_MAX,
  type ObservationStore,
  type Observed,
  type ObservedPage,
  TYPES_SHOWN_MAX,
  type UngovernedType,
} from '../port';

/** What the model of the commit store knows of the line. */
export interface AppliedLine {
  contractsApplied(): number;
  batchIds(from: number, to: number): number[];
}

/** A model of the history and the book: each call is one step that nothing comes between. */
export class MemoryObservations implements ObservationStore {
  readonly kinds = new Map<string, Observed>();
  private readonly book = new Map<string, InferredContract>();

  constructor(private readonly line: AppliedLine) {}

  /** Every type has a contract, whose table holds what landed before it, up to this number at least. */
  isFilledTo(number: number): boolean {
    const filled = [...this.book.values()].filter(({ closed, filledTo }) => closed || filledTo >= number);
    const types = new Set(filled.map(({ eventType }) => eventType));
    return [...this.kinds.values()].every(({ contract, eventType }) => contract !== '' || types.has(eventType));
  }

  fold(observed: readonly Observed[]): void {
    for (const kind of observed) {
      const of = [...this.kinds.values()].filter(({ tenant, day }) => tenant === kind.tenant && day === kind.day);
      const row = keptAs(kind, KINDS_MAX - of.length, (one) => this.kinds.has(keyOf(one)));
      const key = keyOf(row);
      this.kinds.set(key, { ...row, history: added(this.kinds.get(key)?.history, row.history) });
    }
  }

  async withoutContract(governed: readonly string[], of?: string): Promise<UngovernedType[]> {
    const found = new Map<string, Observed[]>();
    const first = (a: Observed, b: Observed): number => (a.history.firstSeen < b.history.firstSeen ? -1 : 1);
    for (const kind of [...this.kinds.values()].sort(first)) {
      const { contract, eventType } = kind;
      if (of !== undefined && kind.tenant !== of) continue;
      if (contract !== '' || eventType === '' || governed.includes(eventType)) continue;
      found.set(eventType, [...(found.get(eventType) ?? []), kind]);
    }
    return [...found].slice(0, TYPES_SHOWN_MAX).map(([eventType, kinds]) => ({
      ...{ eventType, tenants: [...new Set(kinds.map(({ tenant }) => tenant))] },
      events: kinds.reduce((sum, { history }) => sum + history.events, 0),
      firstSeen: kinds[0].history.firstSeen,
    }));
  }

  async ofType(eventType: string): Promise<Observed[]> {
    return [...this.kinds.values()].filter((kind) => kind.contract === '' && kind.eventType === eventType);
  }

  async under(contract: string, version: string): Promise<Observed[]> {
    return [...this.kinds.values()].filter((kind) => kind.contract === contract && kind.version === version);
  }

  async page({ tenant, contract, version, source, after, limit }: ObservedPage): Promise<Observed[]> {
    const place = (kind: NonNullable<ObservedPage['after']>): string =>
      [kind.version, kind.source, kind.eventType].join('\0');
    return [...this.kinds.values()]
      .filter((kind) => kind.tenant === tenant && kind.contract === contract)
      .filter((kind) => (version ?? kind.version) === kind.version && (source ?? kind.source) === kind.source)
      .sort((a, b) => (a.day === b.day ? (place(a) < place(b) ? -1 : 1) : a.day < b.day ? 1 : -1))
      .filter((kind) => !after || kind.day < after.day || (kind.day === after.day && place(kind) > place(after)))
      .slice(0, limit);
  }

  async forgetBefore(day: string): Promise<number> {
    const old = [...this.kinds].filter(([, kind]) => kind.day < day);
    for (const [key] of old) this.kinds.delete(key);
    return old.length;
  }

  async inferred(): Promise<InferredContract[]> {
    return [...this.book.values()].sort((a, b) => (a.contract < b.contract ? -1 : 1));
  }

  async noteInferred(given: Pick<InferredContract, 'contract' | 'eventType' | 'table' | 'tenant'>): Promise<boolean> {
    const { contract, eventType, table } = given;
    for (const known of this.book.values())
      if (known.contract === contract || known.eventType === eventType || known.table === table) return false;
    this.book.set(contract, { ...given, sinceIndex: null, filledTo: 0, closed: false });
    return true;
  }

  async noteInForce(contract: string, index: number): Promise<void> {
    const known = this.book.get(contract);
    if (known) this.book.set(contract, { ...known, sinceIndex: known.sinceIndex ?? index });
  }

  async noteFilled(contract: string, to: number, closed: boolean): Promise<void> {
    const known = this.book.get(contract);
    if (!known) return;
    this.book.set(contract, {
      ...known,
      filledTo: Math.max(known.filledTo, to),
      closed: known.closed || closed,
    });
  }

  async contractsApplied(): Promise<number> {
    return this.line.contractsApplied();
  }

  async batchIds(from: number, to: number): Promise<number[]> {
    return this.line.batchIds(from, to);
  }
}
