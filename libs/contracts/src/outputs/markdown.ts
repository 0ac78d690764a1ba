import { contractColumns } from '../columns';
import { isRetention } from '../load-retention';
import type { Contract, Dedupe, Property } from '../model';
import { retentionInWords } from '../retention';

/** A contract's page, in Markdown: what it is about, its fields with their rules, personal data, repeats, lateness. */
export function contractPage(contract: Contract): string {
  const { columns, excluded } = contractColumns(contract);
  const columnOf = new Map(columns.map(({ name, type, path }) => [path.join('\0'), `\`${name}\` ${type}`]));
  const rows = fieldsOf(contract.properties, []).map(({ property, path, element }) =>
    row([
      code(path.join('.') + (element ? '[]' : '')),
      typeOf(property),
      property.required ? 'yes' : property.present ? 'yes, may be null' : 'no',
      rulesOf(property),
      element ? '' : (columnOf.get(path.join('\0')) ?? ''),
      property.classification ?? '',
      property.doc,
    ]),
  );
  return [
    `# ${contract.name} ${contract.version}`,
    contract.doc,
    list([
      ['Event types', contract.eventTypes.map(code).join(', ')],
      ['Table', code(contract.table)],
      ['Status', contract.status + (contract.inferred ? ` (inferred, ${contract.inferred})` : '')],
      ['Repeats', dedupeInWords(contract.dedupe)],
      ['Subject', contract.subjectPath ? code(`$.payload.${contract.subjectPath.join('.')}`) : 'none'],
      ['Late after', contract.latenessSeconds === null ? 'not stated' : duration(contract.latenessSeconds)],
      ['Kept', keptInWords(contract)],
      ['Fields that are not listed', `stay in the payload (policy ${code(contract.drift.policy)})`],
      ...slaOf(contract),
    ]),
    '## Fields',
    [
      row(['field', 'type', 'required', 'rules', 'column', 'classification', 'description']),
      row(Array<string>(7).fill('---')),
      ...rows,
    ].join('\n'),
    '## Personal data',
    excluded.length === 0
      ? 'No field is restricted.'
      : `Restricted fields are checked and have no column: ${excluded.map(({ path }) => code(path.join('.'))).join(', ')}.`,
    '',
  ]
    .filter((part, i, all) => part !== '' || i === all.length - 1)
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

interface Listed {
  readonly property: Property;
  readonly path: readonly string[];
  readonly element: boolean;
}

function fieldsOf(properties: readonly Property[], within: readonly string[]): readonly Listed[] {
  return properties.flatMap((property) => {
    const path = [...within, property.name];
    const items = property.items
      ? [
          { property: property.items, path, element: true },
          ...fieldsOf(property.items.properties, [...within, `${property.name}[]`]),
        ]
      : [];
    return [{ property, path, element: false }, ...fieldsOf(property.properties, path), ...items];
  });
}

function typeOf({ logicalType, decimal, anyValue, limits }: Property): string {
  if (anyValue) return 'any value';
  if (decimal) return `decimal(${decimal.precision},${decimal.scale})`;
  return limits.format === undefined ? logicalType : `${logicalType} (${limits.format})`;
}

function rulesOf({ limits, values }: Property): string {
  const { format: _, ...rest } = limits;
  const rules = Object.entries(rest).map(([key, value]) => `${key} ${code(String(value))}`);
  if (values) rules.push(`one of ${values.map((value) => code(String(value))).join(', ')}`);
  return rules.join('; ');
}

function dedupeInWords({ strategy, windowDays, paths }: Dedupe): string {
  const by = {
    event_id: 'the event id',
    content: 'the whole content',
    business_key: (paths ?? []).map((path) => code(`$.${path.join('.')}`)).join(' and '),
  }[strategy];
  return `recognised by ${by} for ${windowDays} days`;
}

function keptInWords({ retention }: Contract): string {
  if (!retention) return 'for good';
  const from = retention.from === 'ingest_time' ? 'it was taken in, or happened where that is later' : 'it happened';
  return `${retentionInWords(retention)} after ${from}; then its row is deleted`;
}

/** Service levels of the document; what is done about retention is said above. */
function slaOf({ document }: Contract): readonly (readonly [string, string])[] {
  const list = Array.isArray(document.slaProperties)
    ? (document.slaProperties as Readonly<Record<string, unknown>>[])
    : [];
  const others = list.filter((item) => !isRetention(item));
  return others.map(({ property, value, unit, description }) => [
    `Service level ${code(String(property))}`,
    [`${String(value)}${unit === undefined ? '' : ` ${String(unit)}`}`, description].filter(Boolean).join(': '),
  ]);
}

function duration(seconds: number): string {
  const units = [
    ['days', 86_400],
    ['hours', 3600],
    ['minutes', 60],
  ] as const;
  const [name, size] = units.find(([, size]) => seconds % size === 0 && seconds >= size) ?? ['seconds', 1];
  return `${seconds / size} ${name}`;
}

const list = (entries: readonly (readonly [string, string])[]): string =>
  entries.map(([name, text]) => `- ${name}: ${text}`).join('\n');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
const code = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);
