import type { Contract, Property } from './model';
import { formatJsonPath } from './property-path';
import type { Violation, ViolationReason } from './violation';

/** The fields that an object may have; null where they are free. */
interface Known {
  readonly fields: ReadonlyMap<string, Known | null>;
  /** What the elements of a list, or the object itself, may have. */
  readonly elements: Known | null;
}

/** See `CompiledContract.unknownField`. */
export function createUnknownFieldCheck(
  contract: Pick<Contract, 'properties' | 'drift'>,
): ((payload: unknown) => Violation | null) | null {
  const reason: ViolationReason | null =
    contract.drift.policy === 'reject'
      ? 'rejected_field'
      : contract.drift.policy === 'quarantine'
        ? 'unknown_field'
        : null;
  if (reason === null) return null;
  const known = fieldsOf(contract.properties);
  return (payload) => {
    const path = firstUnknown(payload, known);
    return path && { reason, rule: 'must have no field that the contract does not list', path: pathOf(path) };
  };
}

/** The paths of all fields of a payload that the properties do not list, at most `limit`. */
export function unknownFields(payload: unknown, properties: readonly Property[], limit: number): string[] {
  const found: string[] = [];
  collect(payload, fieldsOf(properties), ['payload'], (path) => {
    found.push(pathOf(path));
    return found.length < limit;
  });
  return found;
}

const fieldsOf = (properties: readonly Property[]): Known => ({
  fields: new Map(properties.map((property) => [property.name, knownBy(property)])),
  elements: null,
});

/** An object without fields of its own is free, and so are the elements of a list that says nothing of them. */
function knownBy(property: Property): Known | null {
  if (property.logicalType === 'object') return property.properties.length > 0 ? fieldsOf(property.properties) : null;
  if (property.logicalType !== 'array' || property.items === null) return null;
  const elements = knownBy(property.items);
  return elements && { fields: new Map(), elements };
}

function firstUnknown(payload: unknown, known: Known): (string | number)[] | null {
  let first: (string | number)[] | null = null;
  collect(payload, known, ['payload'], (path) => {
    first = path;
    return false;
  });
  return first;
}

type Path = (string | number)[];

/** Tells of each unknown field, until it is told to stop; then it returns false. */
function collect(value: unknown, known: Known, path: Path, tell: (path: Path) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) {
    const { elements } = known;
    return elements === null || value.every((element, at) => collect(element, elements, [...path, at], tell));
  }
  if (known.elements) return true;
  for (const name in value) {
    const field = known.fields.get(name);
    if (field === undefined) {
      if (!tell([...path, name])) return false;
    } else if (field !== null) {
      const below = (value as Record<string, unknown>)[name];
      if (typeof below === 'object' && below !== null && !collect(below, field, [...path, name], tell)) return false;
    }
  }
  return true;
}

const pathOf = (path: Path): string => formatJsonPath(path);
