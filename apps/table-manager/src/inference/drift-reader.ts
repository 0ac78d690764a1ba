import { type CompiledContract, compileText, contractVersionPath } from '@millrace/contracts';
import { compareProfile } from '@millrace/contracts/drift';
import { OTHER_SOURCES } from '@millrace/contracts/profile';
import { ProblemException } from '@millrace/service';
import { type Storage, StorageError } from '@millrace/storage';
import type { ObservationStore, Observed, ObservedPage } from '../observation/port';
import { inferenceStatus, type InferenceStatusDeps } from './status';

export interface DriftReaderDeps extends InferenceStatusDeps {
  readonly observations: ObservationStore;
  readonly storage: Pick<Storage, 'get'>;
}

/** The history of what events looked like, beside what their contracts say. */
export class DriftReader {
  constructor(private readonly deps: DriftReaderDeps) {}

  async page(
    wanted: Omit<ObservedPage, 'after'>,
    { page, fields }: { readonly page?: string; readonly fields: boolean },
  ): Promise<{ rows: unknown[]; nextPage?: string }> {
    const after = page === undefined ? null : decodePage(page);
    const kinds = await this.deps.observations.page({ ...wanted, after });
    const rows: unknown[] = [];
    for (const kind of kinds) rows.push(await this.show(kind, fields));
    const last = kinds.length === wanted.limit ? kinds.at(-1) : undefined;
    return { rows, ...(last && { nextPage: encodePage(last) }) };
  }

  /** Types of a tenant that have no contract; other tenants' are not among them. */
  waiting(tenant: string): Promise<unknown> {
    return inferenceStatus(this.deps, tenant);
  }

  private async show({ contract, version, source, day, eventType, history }: Observed, all: boolean): Promise<unknown> {
    const compiled = await this.compiled(contract, version);
    const { events, overflow, firstSeen, lastSeen, fields } = history;
    return {
      ...{ day, version, source: source === OTHER_SOURCES ? null : source, eventType, events, firstSeen, lastSeen },
      // Fields beyond the limits of what is counted.
      uncounted: overflow,
      drift: compiled ? compareProfile(compiled.contract.properties, history) : [],
      ...(all && { fields }),
    };
  }

  private async compiled(name: string, version: string): Promise<CompiledContract | null> {
    try {
      return compileText((await this.deps.storage.get(contractVersionPath(name, version))).toString('utf8'));
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return null;
      throw error;
    }
  }
}

type Place = NonNullable<ObservedPage['after']>;

const encodePage = ({ day, version, source, eventType }: Place): string =>
  Buffer.from(JSON.stringify([day, version, source, eventType])).toString('base64url');

function decodePage(page: string): Place {
  const detail = 'page must be the nextPage of an earlier answer.';
  try {
    const place: unknown = JSON.parse(Buffer.from(page, 'base64url').toString('utf8'));
    if (Array.isArray(place) && place.length === 4 && place.every((part) => typeof part === 'string')) {
      const [day, version, source, eventType] = place as string[];
      // A text with NUL is none to the database.
      if (/^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)) && !place.join('').includes('\0'))
        return { day, version, source, eventType };
    }
  } catch {
    // Not one of ours.
  }
  throw new ProblemException(400, { detail, errors: [{ path: 'query.page', rule: 'page', detail }] });
}
