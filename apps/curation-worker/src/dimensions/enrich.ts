import type { EnrichedColumn } from '@millrace/contracts';
import type { Envelope } from '@millrace/envelope';
import type { ContractInForce } from '../contracts/in-force';
import type { VersionIndex } from './index-of-versions';
import type { Attribute, Value } from './model';

/** A dimension as it is in force. */
export interface LoadedHistory {
  readonly attributes: readonly Attribute[];
  readonly index: VersionIndex;
}

/** The dimensions that contracts ask for, as this process has them. */
export interface DimensionsInForce {
  get(tenant: string, name: string): LoadedHistory | undefined;
}

export const NO_DIMENSIONS: DimensionsInForce = { get: () => undefined };

/** The JSON text of what is looked up for an event; null for a contract that asks for nothing. */
export type Enrich = (envelope: Envelope, contract: ContractInForce | undefined) => string | null;

/**
 * Characters that are remembered of versions that were looked up, of all tenants together, over all batches of a state of
 * the dimensions. Beyond it everything is forgotten, and made again of what is asked for.
 */
const TEXT_CHARS_MAX = 16 << 20;
/** What one more text, and one more lookup, count for beside their characters. */
const TEXT_CHARS = 64;
const LOOKUP_CHARS = 1_024;

/**
 * Looks up what contracts ask for, as of event time. A key that is missing, or that the dimension did not have then, is
 * flagged: the event lands all the same.
 */
export function createEnrich(dimensions: DimensionsInForce, textCharsMax = TEXT_CHARS_MAX): Enrich {
  const lookups = new Map<string, readonly Lookup[]>();
  let chars = 0;
  const remembered = (more: number): void => {
    chars += more;
    if (chars <= textCharsMax) return;
    lookups.clear();
    chars = 0;
  };
  return (envelope, contract) => {
    if (!contract || contract.compiled.enrichments.length === 0) return null;
    const id = `${envelope.tenantId}\0${contract.label}`;
    let wanted = lookups.get(id);
    if (!wanted) {
      wanted = lookupsOf(dimensions, envelope.tenantId, contract, remembered);
      lookups.set(id, wanted);
      remembered(LOOKUP_CHARS * wanted.length + id.length);
    }
    let text = '{';
    for (const [i, lookup] of wanted.entries()) text += (i > 0 ? ',' : '') + lookup(envelope);
    return text + '}';
  };
}

/** The members of one enrichment, without braces. */
type Lookup = (envelope: Envelope) => string;

function lookupsOf(
  dimensions: DimensionsInForce,
  tenant: string,
  { compiled }: ContractInForce,
  remembered: (chars: number) => void,
): Lookup[] {
  return compiled.enrichments.map(({ dimension, keyPath, columns, missing }) => {
    const nothing = `${JSON.stringify(missing)}:true`;
    const found = dimensions.get(tenant, dimension);
    if (!found) return () => nothing;
    const { index, attributes } = found;
    const places = columns.map(({ from }) => attributes.findIndex(({ name }) => name === from));
    const texts = new Map<number, string>();
    return ({ payload, eventTime }) => {
      const key = keyOf(payload, keyPath);
      const version = key === null ? -1 : index.find(key, eventTime);
      if (version < 0) return nothing;
      let text = texts.get(version);
      if (text === undefined) {
        const values = JSON.parse(index.valuesAt(version)) as readonly Value[];
        const members = columns.map(
          (column, i) => `${JSON.stringify(column.name)}:${valueOf(values[places[i]], column)}`,
        );
        text = [...members, `${JSON.stringify(missing)}:false`].join(',');
        texts.set(version, text);
        remembered(TEXT_CHARS + text.length);
      }
      return text;
    };
  });
}

function keyOf(payload: unknown, path: readonly string[]): string | null {
  let at = payload;
  for (const name of path) {
    if (at === null || typeof at !== 'object') return null;
    at = (at as Record<string, unknown>)[name];
  }
  if (typeof at === 'string') return at;
  return typeof at === 'number' ? String(at) : null;
}

/** A value as JSON text of the type that the contract wants; null where it is of another. */
function valueOf(value: Value | undefined, { type }: EnrichedColumn): string {
  if (value === undefined || value === null) return 'null';
  if (type === 'string') return JSON.stringify(String(value));
  if (type === 'boolean') return typeof value === 'boolean' ? String(value) : 'null';
  if (typeof value !== 'number') return 'null';
  return type === 'long' && !Number.isSafeInteger(value) ? 'null' : String(value);
}
