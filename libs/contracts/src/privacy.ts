import type { Contract, Property } from './model';
import { findProperty } from './property-path';

/** How the value of a classified field is stored after curation. */
export interface TokenMode {
  /** Under the key of the event's subject, or of the whole lake: see `Privacy.lakeTokens`. */
  readonly scope: 'subject' | 'lake';
  /** Whoever may can turn the token back into the value. */
  readonly reversible: boolean;
}

/** What a contract says about personal data: `customProperties` `privacy`. */
export interface Privacy {
  /** Where the payload names the person, or whoever else the data is about; segments from the payload. */
  readonly subjectPath: readonly string[] | null;
  /** What subjects are, e.g. `driver`. Contracts that name one kind share its keys: their tokens join. */
  readonly kind: string;
  /** Fields whose tokens are the same whoever the subject is; the erasure of a subject does not change them. */
  readonly lakeTokens: readonly (readonly string[])[];
  readonly reversible: readonly (readonly string[])[];
  /** Members of the envelope that are personal data as well. */
  readonly envelope: readonly EnvelopeMember[];
}

export const ENVELOPE_MEMBERS = ['subject', 'attributes', 'trace_id'] as const;
export type EnvelopeMember = (typeof ENVELOPE_MEMBERS)[number];

/** Where classified values are in a payload; a tree over the names of its members. */
export interface ProtectedNode {
  /** The value here is replaced as a whole. */
  readonly token: TokenMode | null;
  readonly members: ReadonlyMap<string, ProtectedNode>;
  /** Of an array's elements. */
  readonly elements: ProtectedNode | null;
}

/** What curation does for an event of a contract that classifies fields. */
export interface CompiledPrivacy {
  readonly subjectPath: readonly string[] | null;
  readonly kind: string;
  /** The payload. */
  readonly root: ProtectedNode;
  readonly envelope: Readonly<Record<'subject' | 'attributes' | 'traceId', boolean>>;
}

/** Classifications, in lower case, whose values are stored as tokens. `restricted` values have no column either. */
const TOKENIZED = new Set(['restricted', 'pii', 'personal', 'sensitive']);

/** Whether values of a classification are personal data, which nobody sees after curation. Others are documentation. */
export const isPersonal = (classification: string | null): boolean =>
  classification !== null && TOKENIZED.has(classification.trim().toLowerCase());

/** Whether a property, or one within it, is personal data. */
export const classifies = (property: Property): boolean =>
  isPersonal(property.classification) ||
  property.properties.some(classifies) ||
  (property.items !== null && classifies(property.items));

/** Null for a contract that classifies nothing: its events cost nothing. */
export function compilePrivacy(
  contract: Pick<Contract, 'properties' | 'subjectPath'> & { readonly privacy?: Privacy | null },
): CompiledPrivacy | null {
  const { properties, subjectPath } = contract;
  const privacy = contract.privacy ?? null;
  const includes = (paths: readonly (readonly string[])[] | undefined, path: readonly string[]): boolean =>
    paths?.some((each) => each.length === path.length && each.every((name, i) => name === path[i])) ?? false;
  const nodeOf = (property: Property, path: readonly string[]): ProtectedNode | null => {
    if (isPersonal(property.classification)) {
      const scope = includes(privacy?.lakeTokens, path) ? 'lake' : 'subject';
      return { token: { scope, reversible: includes(privacy?.reversible, path) }, members: NO_MEMBERS, elements: null };
    }
    const members = membersOf(property.properties, path);
    const elements = property.items && nodeOf(property.items, path);
    return members.size > 0 || elements ? { token: null, members, elements } : null;
  };
  const membersOf = (list: readonly Property[], path: readonly string[]): ReadonlyMap<string, ProtectedNode> =>
    new Map(
      list.flatMap((property) => {
        const node = nodeOf(property, [...path, property.name]);
        return node ? [[property.name, node] as const] : [];
      }),
    );

  const members = membersOf(properties, []);
  const named = new Set(privacy?.envelope);
  if (subjectPath && isProtected(members, subjectPath)) named.add('subject');
  if (members.size === 0 && named.size === 0) return null;
  const path = privacy?.subjectPath ?? subjectPath;
  return {
    subjectPath: path,
    kind: privacy?.kind ?? kindOf(path),
    root: { token: null, members, elements: null },
    envelope: { subject: named.has('subject'), attributes: named.has('attributes'), traceId: named.has('trace_id') },
  };
}

/** What subjects are called where a contract does not say: as the field that names them. */
export const kindOf = (subjectPath: readonly string[] | null): string => subjectPath?.at(-1) ?? '';

const NO_MEMBERS: ReadonlyMap<string, ProtectedNode> = new Map();

function isProtected(members: ReadonlyMap<string, ProtectedNode>, path: readonly string[]): boolean {
  let within = members;
  for (const name of path) {
    const node = within.get(name);
    if (!node) return false;
    if (node.token) return true;
    within = node.members;
  }
  return false;
}

/** Whether a payload has a classified value that is not null, or something else where one should be. */
export function holdsPersonal(payload: unknown, node: ProtectedNode): boolean {
  if (payload === null || payload === undefined) return false;
  const { elements } = node;
  if (node.token || typeof payload !== 'object') return true;
  if (Array.isArray(payload)) return elements === null || payload.some((element) => holdsPersonal(element, elements));
  if (elements !== null) return true;
  for (const [name, member] of node.members)
    if (Object.hasOwn(payload, name) && holdsPersonal((payload as Record<string, unknown>)[name], member)) return true;
  return false;
}

/** The classified field at a path, elements of arrays without a segment of their own; null where there is none. */
export function findPersonal(properties: readonly Property[], path: readonly string[]): Property | null {
  const [name, ...rest] = path;
  let property = name === undefined ? null : findProperty(properties, [name]);
  if (property && isPersonal(property.classification)) return rest.length === 0 ? property : null;
  while (property?.items) property = { ...property.items, requiredThroughout: false };
  if (property && rest.length === 0) return isPersonal(property.classification) ? property : null;
  return property ? findPersonal(property.properties, rest) : null;
}
