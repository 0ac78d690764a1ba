import { compileText } from '@millrace/contracts';
import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { Storage } from '@millrace/storage';
import { type AuditRecord, TOPICS, type WorkRequested, type WorkResult } from '@millrace/topics';
import type { ContractRegistry } from '../contracts/registry';
import { RegistryError } from '../contracts/registry-port';
import type { Shadow, ShadowStore } from './shadow-store';

export interface ShadowsDeps {
  readonly store: ShadowStore;
  readonly storage: Pick<Storage, 'createIfAbsent' | 'delete'>;
  readonly registry: ContractRegistry;
  readonly now: () => number;
  /** A UUID. */
  readonly newId: () => string;
  /** Sends what was left in the outbox. */
  readonly flush: () => Promise<void>;
}

/** Trials under way at once, over all contracts: one after the other has its turn. */
export const OPEN_MAX = 10;
const DAY_MS = 86_400_000;
const SERVICE = 'table-manager';

export interface Trial {
  readonly text: string;
  /** Of raw data, today included. */
  readonly days: number;
  readonly by: string;
  readonly tenant: string;
}

/** Tries proposed contracts on the raw data of some days: asks curation-worker, which has the bytes, and keeps its answers. */
export class Shadows {
  constructor(private readonly deps: ShadowsDeps) {}

  /**
   * @throws ContractError for a text that is no contract; RegistryError
   */
  async request({ text, days, by, tenant }: Trial): Promise<Shadow> {
    const { store, storage, registry, now, newId, flush } = this.deps;
    const { name, version } = compileText(text);
    await registry.assertUnclaimed(compileText(text));
    const id = newId();
    const [at, from] = [now(), now() - (days - 1) * DAY_MS].map((ms) => new Date(ms).toISOString());
    const { index: contractsIndex } = await registry.published.index();
    const path = textPath(id);
    // Before the request, so that whoever hears of it finds it.
    await storage.createIfAbsent(path, Buffer.from(text));
    const shadow = {
      ...{ id, contract: name, version, tenant, requestedBy: by, requestedAt: at, contractsIndex },
      ...{ from: from.slice(0, 10), to: at.slice(0, 10) },
    };
    const request: WorkRequested = {
      ...{ id, action: 'run', by, at },
      job: { kind: 'shadow', contract: name, version, path, contractsIndex, from: shadow.from, to: shadow.to, tenant },
    };
    const audited = this.audit('contracts.shadow_requested', by, shadow, { from: shadow.from, to: shadow.to });
    if (
      !(await store.add(shadow, OPEN_MAX, [{ id: newId(), topic: TOPICS.workRequested.name, body: request }, audited]))
    ) {
      await storage.delete(path);
      throw new RegistryError('too_many', `${OPEN_MAX} shadows are under way already; wait for one, or cancel one.`);
    }
    await flush();
    return (await store.one(name, id)) as Shadow;
  }

  /** The trial as it is after that, or null where there is none. */
  async cancel(contract: string, id: string, by: string): Promise<Shadow | null> {
    const { store, now, newId, flush } = this.deps;
    const shadow = await store.one(contract, id);
    if (!shadow) return null;
    const request: WorkRequested = { id, action: 'cancel', by, at: new Date(now()).toISOString() };
    const audited = this.audit('contracts.shadow_cancelled', by, shadow, {});
    if (await store.cancel(id, by, [{ id: newId(), topic: TOPICS.workRequested.name, body: request }, audited]))
      await flush();
    return store.one(contract, id);
  }

  /** Takes what a worker told of a trial; a result that ends it is audited with it. */
  async told(result: WorkResult): Promise<void> {
    const { store, storage, flush } = this.deps;
    const changed = await store.told(result, (shadow) => {
      const { status, error } = shadow;
      const { items, breaks, heals } = shadow.result ?? {};
      const detail = { status, items, breaks, heals, ...(error !== null && { error }) };
      return [this.audit('contracts.shadow_ended', SERVICE, shadow, detail)];
    });
    if (!changed || result.status === 'running') return;
    await storage.delete(textPath(result.id));
    await flush();
  }

  private audit(
    action: string,
    actor: string,
    { id, contract, version }: Pick<Shadow, 'id' | 'contract' | 'version'>,
    detail: Readonly<Record<string, unknown>>,
  ): OutboxEntry {
    const messageId = this.deps.newId();
    const at = new Date(this.deps.now()).toISOString();
    const body: AuditRecord = {
      ...{ id: messageId, at, service: SERVICE, actor, action, subject: `${contract}@${version}` },
      detail: { shadow: id, ...detail },
    };
    return { id: messageId, topic: TOPICS.audit.name, body };
  }
}

const textPath = (id: string): string => `work/${id}/contract.odcs.yaml`;
