import { type Example, type RawDifference, REPEATED, within, withoutTwins } from '../compatibility/raw-difference';
import type { FindingRule } from '../compatibility/verdict';
import { avroExample, inUnion, isUnion, withField } from './examples';
import {
  type AvroEnum,
  type AvroFixed,
  avroName,
  type AvroRecord,
  type AvroSchema,
  isNamed,
  shortName,
} from './schema';

/** Which written types a reader's primitive takes besides its own (specification, "Schema Resolution"). */
const PROMOTED: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};

/** What keeps a reader's schema from reading what a writer's wrote; nothing when it reads all of it. */
export function resolveAvro(reader: AvroSchema, writer: AvroSchema): readonly RawDifference[] {
  // The greatest fixed point: a pair of types that meets itself again is taken for readable until it is refuted.
  const refuted = new Map<AvroSchema, Set<AvroSchema>>();
  for (;;) {
    const resolution = new Resolution(refuted);
    const found = resolution.resolve(reader, writer);
    if (!resolution.refutedMore) return withoutTwins(found.filter(({ repeated }) => !repeated));
  }
}

class Resolution {
  refutedMore = false;
  private readonly known = new Map<AvroSchema, Map<AvroSchema, readonly RawDifference[]>>();

  constructor(private readonly refuted: Map<AvroSchema, Set<AvroSchema>>) {}

  resolve(reader: AvroSchema, writer: AvroSchema): readonly RawDifference[] {
    const known = this.known.get(reader) ?? new Map<AvroSchema, readonly RawDifference[]>();
    this.known.set(reader, known);
    const before = known.get(writer);
    if (before) return before;
    const isRefuted = this.refuted.get(reader)?.has(writer) ?? false;
    known.set(writer, isRefuted ? [REPEATED] : []);
    const found = this.compare(reader, writer);
    known.set(writer, found);
    if (found.length > 0 && !isRefuted) {
      this.refuted.set(reader, (this.refuted.get(reader) ?? new Set()).add(writer));
      this.refutedMore = true;
    }
    return found;
  }

  private compare(reader: AvroSchema, writer: AvroSchema): readonly RawDifference[] {
    if (isUnion(writer)) {
      return writer.branches.flatMap((branch) =>
        this.resolve(reader, branch).map((difference) => ({
          ...difference,
          examples: function* () {
            for (const { value } of difference.examples()) yield inUnion(branch, value);
          },
        })),
      );
    }
    if (isUnion(reader)) return this.intoUnion(reader.branches, reader, writer);
    if (reader.kind === 'record' && writer.kind === 'record') return this.records(reader, writer);
    if (reader.kind === 'enum' && writer.kind === 'enum') return enums(reader, writer);
    if (reader.kind === 'fixed' && writer.kind === 'fixed') return fixeds(reader, writer);
    if (reader.kind === 'array' && writer.kind === 'array')
      return this.resolve(reader.items, writer.items).map((d) => within(d, null, (value) => ({ value: [value] })));
    if (reader.kind === 'map' && writer.kind === 'map')
      return this.resolve(reader.values, writer.values).map((d) =>
        within(d, null, (value) => ({ value: { key: value } })),
      );
    const same = reader.kind === writer.kind || PROMOTED[reader.kind]?.includes(writer.kind);
    return same ? [] : [whole('type_changed', reader, writer)];
  }

  private intoUnion(branches: readonly AvroSchema[], reader: AvroSchema, writer: AvroSchema): readonly RawDifference[] {
    let closest: readonly RawDifference[] | null = null;
    for (const branch of branches) {
      const found = this.resolve(branch, writer);
      if (found.length === 0) return [];
      if (branch.kind === writer.kind && (!isNamed(branch) || sameName(branch, writer))) closest ??= found;
    }
    return closest ?? [whole('type_changed', reader, writer)];
  }

  private records(reader: AvroRecord, writer: AvroRecord): readonly RawDifference[] {
    const name = nameDifference(reader, writer);
    if (name) return [name];
    return reader.fields.flatMap((field) => {
      const written = writer.fields.find((f) => f.name === field.name || field.aliases.includes(f.name));
      if (written) {
        return this.resolve(field.type, written.type).map((difference) =>
          within(difference, written.name, (value) => withField(writer, written.name, value)),
        );
      }
      if (field.defaultValue) return [];
      return [
        {
          segments: [field.name],
          rule: 'default_missing' as const,
          writer: `does not send ${field.name}`,
          reader: 'reads it and has no default for it',
          mendReader: `Give ${field.name} a default.`,
          mendWriter: `Keep ${field.name}, or give it a default in the version before this one is used.`,
          examples: () => some(avroExample(writer)),
        },
      ];
    });
  }
}

function enums(reader: AvroEnum, writer: AvroEnum): readonly RawDifference[] {
  const name = nameDifference(reader, writer);
  if (name) return [name];
  if (reader.defaultSymbol !== null) return [];
  const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
  if (missing.length === 0) return [];
  const list = missing.slice(0, 20).join(', ') + (missing.length > 20 ? ` and ${missing.length - 20} others` : '');
  return [
    {
      segments: [],
      rule: 'symbol_removed',
      writer: `may send ${list} of the enum ${writer.fullName}`,
      reader: 'does not know this and has no default symbol',
      mendReader: `Keep ${list} among the symbols, or give the enum a default symbol.`,
      mendWriter: `Give the enum a default symbol in a version of its own first; send ${list} in the next.`,
      examples: () => [{ value: missing[0] }],
    },
  ];
}

function fixeds(reader: AvroFixed, writer: AvroFixed): readonly RawDifference[] {
  const name = nameDifference(reader, writer);
  if (name) return [name];
  if (reader.size === writer.size) return [];
  return [
    {
      segments: [],
      rule: 'size_changed',
      writer: `sends ${writer.size} bytes as ${writer.fullName}`,
      reader: `reads ${reader.size} bytes`,
      mendReader: `Keep the size ${writer.size}, or add a new field with a fixed of another name.`,
      mendWriter: `Keep the size ${reader.size}, or add a new field with a fixed of another name.`,
      examples: () => some(avroExample(writer)),
    },
  ];
}

const some = (example: Example | null): readonly Example[] => (example ? [example] : []);

/** Names are compared without namespace, as the specification allows and Apache's own checker does. */
function sameName(reader: AvroSchema, writer: AvroSchema): boolean {
  if (!isNamed(reader) || !isNamed(writer)) return false;
  return shortName(reader.fullName) === shortName(writer.fullName) || reader.aliases.includes(writer.fullName);
}

function nameDifference(
  reader: AvroRecord | AvroEnum | AvroFixed,
  writer: AvroRecord | AvroEnum | AvroFixed,
): RawDifference | null {
  if (sameName(reader, writer)) return null;
  return {
    segments: [],
    rule: 'name_changed',
    writer: `sends the ${writer.kind} ${writer.fullName}`,
    reader: `reads a ${reader.kind} of another name, ${reader.fullName}`,
    mendReader: `Keep the name ${writer.fullName}, or add it to the aliases of ${reader.fullName}.`,
    mendWriter: `Keep the name ${reader.fullName}.`,
    examples: () => some(avroExample(writer)),
  };
}

function whole(rule: FindingRule, reader: AvroSchema, writer: AvroSchema): RawDifference {
  const name = (schema: AvroSchema): string =>
    isUnion(schema) ? `one of ${schema.branches.map(avroName).join(', ')}` : avroName(schema);
  return {
    segments: [],
    rule,
    writer: `may send ${name(writer)}`,
    reader: `reads ${name(reader)}, which takes none of that`,
    mendReader: `Read ${name(writer)} too, e.g. as a branch of a union, or add a new field with a default instead.`,
    mendWriter: `Go on sending ${name(reader)}, or add a new field with a default instead.`,
    examples: () => some(avroExample(writer)),
  };
}
