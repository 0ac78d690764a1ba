import type { DuckRow } from '@millrace/lakehouse';
import { type Catalog, EVENTS_TABLE, FATES_TABLE } from '@millrace/topics';
import type { Lake } from '../catalog/lake';

export interface FoundRows {
  readonly landed: readonly DuckRow[];
  /** Items of this id that did not land: duplicates and what is in quarantine. */
  readonly others: readonly DuckRow[];
}

/** Rows of one id that are looked up, at most, of either kind: a producer in a loop repeats one event for ever. */
const ROWS_MAX = 200;

/**
 * Looks for a tenant's event in the tables of one catalog after another. What was looked through in vain is not looked through
 * again: a file never changes, and a row that comes later, or is moved by a compaction, is in a file of its own.
 */
export class EventFinder {
  private readonly searched = new Set<string>();

  constructor(
    private readonly lake: Pick<Lake, 'table' | 'select'>,
    private readonly tenant: string,
    private readonly eventId: string,
  ) {}

  /** Null while there is none. */
  async find(catalog: Catalog): Promise<FoundRows | null> {
    const [landed, others] = await Promise.all([this.rows(catalog, EVENTS_TABLE), this.rows(catalog, FATES_TABLE)]);
    return landed.length + others.length === 0 ? null : { landed, others };
  }

  private async rows(catalog: Catalog, id: string): Promise<DuckRow[]> {
    const at = await this.lake.table(catalog, id);
    if (!at) return [];
    const wanted = at.table.prune(at.snapshot, { event_id: { values: [this.eventId] } });
    const files = wanted.filter(({ path }) => !this.searched.has(`${id}/${path}`));
    if (files.length === 0) return [];
    const rows = await this.lake.select(
      at,
      { files },
      `WHERE event_id = $event_id AND tenant_id = $tenant_id ORDER BY _batch_id, _raw_line LIMIT ${ROWS_MAX}`,
      { event_id: this.eventId, tenant_id: this.tenant },
    );
    if (rows.length === 0) for (const { path } of files) this.searched.add(`${id}/${path}`);
    return rows;
  }
}
