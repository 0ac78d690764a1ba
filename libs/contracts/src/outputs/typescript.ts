import type { Contract, Property } from '../model';

const PLAIN = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/**
 * Types of the payloads of contracts, as the text of a TypeScript module: an interface for each contract, and
 * `EventPayloads`, which leads from event types to them, to any of them where contracts share a type. A field that is not required may be missing or null. Fields that
 * a contract does not list may be sent, and have no type here.
 */
export function contractTypes(contracts: readonly Contract[]): string {
  const taken = new Set<string>(['EventPayloads']);
  const named = contracts.map((contract) => ({ contract, name: typeName(contract.name, taken) }));
  const interfaces = named.map(({ contract, name }) => {
    const about = [contract.doc, `Contract ${contract.name} ${contract.version}.`]
      .filter((line) => line !== '')
      .join('\n\n');
    return `${docOf(about, '')}export interface ${name} ${objectOf(contract.properties, '')}\n`;
  });
  const byType = new Map<string, string[]>();
  for (const { contract, name } of named)
    for (const type of contract.eventTypes) byType.set(type, [...(byType.get(type) ?? []), name]);
  const members = [...byType].map(([type, names]) => `  ${keyOf(type)}: ${names.join(' | ')};`);
  const map = `/** The payload of each event type. */\nexport interface EventPayloads {\n${members.join('\n')}\n}\n`;
  return ['// Written by `millrace contracts types`; changes are lost.\n', ...interfaces, map].join('\n');
}

function objectOf(properties: readonly Property[], indent: string): string {
  if (properties.length === 0) return 'Record<string, unknown>';
  const inner = `${indent}  `;
  const fields = properties.map(
    (property) =>
      `${docOf(property.doc, inner)}${inner}${keyOf(property.name)}${property.required || property.present ? '' : '?'}: ${typeOf(property, inner)};`,
  );
  return `{\n${fields.join('\n')}\n${indent}}`;
}

function typeOf(property: Property, indent: string): string {
  const type = bareType(property, indent);
  return property.required || property.anyValue ? type : `${type} | null`;
}

function bareType(property: Property, indent: string): string {
  const { logicalType, values, items, properties, anyValue } = property;
  if (anyValue) return property.required ? 'NonNullable<unknown>' : 'unknown';
  if (values) return values.length > 0 ? values.map((value) => JSON.stringify(value)).join(' | ') : 'never';
  switch (logicalType) {
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return items ? `(${typeOf(items, indent)})[]` : 'unknown[]';
    case 'object':
      return objectOf(properties, indent);
    default:
      return 'string';
  }
}

const keyOf = (name: string): string => (PLAIN.test(name) ? name : JSON.stringify(name));

function docOf(text: string, indent: string): string {
  if (text === '') return '';
  const lines = text
    .replaceAll('*/', '*\\/')
    .split('\n')
    .map((line) => line.trimEnd());
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('')}${indent} */\n`;
}

/** `shipment_status_changed` is ShipmentStatusChanged. */
function typeName(name: string, taken: Set<string>): string {
  const base = name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  let candidate = base;
  for (let n = 2; taken.has(candidate); n++) candidate = `${base}${n}`;
  taken.add(candidate);
  return candidate;
}
