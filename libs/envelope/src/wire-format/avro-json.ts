import { types, Type } from 'avsc';
import { ITEM_BYTES_MAX, JSON_DEPTH_MAX } from '../limits';
import type { AvroBytes } from './avro-bytes';
import { logicalJson } from './avro-logical';
import { malformed, WireFault } from './wire-fault';

/** JSON text that grows up to the size of an item. */
export class JsonText {
  private text = '';

  add(text: string): void {
    this.text += text;
    if (this.text.length > ITEM_BYTES_MAX)
      throw new WireFault('item_too_large', `as JSON an item has at most ${ITEM_BYTES_MAX} characters`);
  }

  done(): string {
    return this.text;
  }
}

/** Writes the next value of a schema as JSON. */
export type ToJson = (from: AvroBytes, to: JsonText, depth: number) => void;

const LOGICAL = [
  'decimal',
  'uuid',
  'date',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'timestamp-nanos',
] as const;

/** Keeps a logical type beside the type it is written as, which is all that is wanted of it here. */
class Logical extends types.LogicalType {
  readonly named: string;
  readonly scale: number;

  constructor(schema: { logicalType: string; scale?: number }, options?: object) {
    super(schema as never, options as never);
    this.named = schema.logicalType;
    this.scale = Number.isInteger(schema.scale) ? (schema.scale as number) : 0;
  }

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

/**
 * Compiles an Avro schema to a function that writes its values as JSON: unions as their branch's value, dates and times
 * as RFC 3339 writes them, decimals as numbers with all their digits, bytes as base64. Avsc reads the schema; the values
 * are read here, since avsc goes on past the end of hostile ones.
 *
 * @throws Error for what is no Avro schema
 */
export function compileAvro(schema: unknown): ToJson {
  const logicalTypes = Object.fromEntries(LOGICAL.map((name) => [name, Logical]));
  const type = Type.forSchema(schema as never, { logicalTypes: logicalTypes as never });
  return compile(type, new Map());
}

/** What avsc's declarations leave out of a type. */
interface Parts {
  readonly typeName: string;
  readonly underlyingType?: Type;
  readonly itemsType?: Type;
  readonly valuesType?: Type;
  readonly types?: readonly Type[];
  readonly symbols?: readonly string[];
  readonly size?: number;
  readonly fields?: readonly { readonly name: string; readonly type: Type }[];
}

function compile(type: Type, known: Map<Type, ToJson>): ToJson {
  const before = known.get(type);
  if (before) return before;
  // A type that holds itself meets this in place of what is being made.
  let made: ToJson = () => undefined;
  known.set(type, (from, to, depth) => made(from, to, depth));
  made = make(type, known);
  return made;
}

function make(type: Type, known: Map<Type, ToJson>): ToJson {
  const parts = type as unknown as Parts;
  if (type instanceof Logical) {
    const underlying = parts.underlyingType as Type;
    return logicalJson(type.named, type.scale, underlying) ?? compile(underlying, known);
  }
  switch (parts.typeName) {
    case 'null':
      return (_from, to) => to.add('null');
    case 'boolean':
      return (from, to) => to.add(String(from.boolean()));
    case 'int':
      return (from, to) => to.add(String(from.int()));
    case 'long':
      return (from, to) => to.add(String(from.long()));
    case 'float':
      return (from, to) => to.add(JSON.stringify(from.float()));
    case 'double':
      return (from, to) => to.add(JSON.stringify(from.double()));
    case 'bytes':
      return (from, to) => to.add(`"${from.block().toString('base64')}"`);
    case 'string':
      return (from, to) => to.add(JSON.stringify(from.text()));
    case 'fixed':
      return (from, to) => to.add(`"${from.take(parts.size as number).toString('base64')}"`);
    case 'enum':
      return enumJson((parts.symbols as readonly string[]).map((symbol) => JSON.stringify(symbol)));
    case 'array':
      return blocksJson('[', ']', compile(parts.itemsType as Type, known), false);
    case 'map':
      return blocksJson('{', '}', compile(parts.valuesType as Type, known), true);
    case 'union:unwrapped':
    case 'union:wrapped':
      return unionJson((parts.types as readonly Type[]).map((branch) => compile(branch, known)));
    case 'record':
    case 'error':
      return recordJson(
        (parts.fields as NonNullable<Parts['fields']>).map((field) => ({
          name: `${JSON.stringify(field.name)}:`,
          toJson: compile(field.type, known),
        })),
      );
    default:
      throw new Error(`the Avro type ${parts.typeName} is not read here`);
  }
}

const enumJson =
  (symbols: readonly string[]): ToJson =>
  (from, to) => {
    const symbol = symbols[from.int()];
    if (symbol === undefined) throw malformed('an enum names a symbol that its schema does not have');
    to.add(symbol);
  };

const unionJson =
  (branches: readonly ToJson[]): ToJson =>
  (from, to, depth) => {
    const index = from.long();
    const branch = typeof index === 'number' ? branches[index] : undefined;
    if (!branch) throw malformed('a union names a branch that its schema does not have');
    branch(from, to, depth);
  };

const recordJson =
  (fields: readonly { readonly name: string; readonly toJson: ToJson }[]): ToJson =>
  (from, to, depth) => {
    enter(depth);
    let before = '{';
    for (const { name, toJson } of fields) {
      to.add(before + name);
      toJson(from, to, depth + 1);
      before = ',';
    }
    to.add(fields.length === 0 ? '{}' : '}');
  };

/** Arrays and maps: blocks of so many items each, ended by an empty one. Each item adds text, so their number is bounded. */
const blocksJson =
  (open: string, close: string, item: ToJson, named: boolean): ToJson =>
  (from, to, depth) => {
    enter(depth);
    to.add(open);
    let first = true;
    for (;;) {
      let count = from.long();
      if (count === 0) break;
      if (count < 0) {
        // Of a block that says how long it is, so that readers may skip it.
        count = -count;
        from.long();
      }
      for (let i = 0; i < count; i++) {
        if (!first) to.add(',');
        first = false;
        if (named) to.add(`${JSON.stringify(from.text())}:`);
        item(from, to, depth + 1);
      }
    }
    to.add(close);
  };

function enter(depth: number): void {
  if (depth >= JSON_DEPTH_MAX) throw new WireFault('too_deep', `values nest at most ${JSON_DEPTH_MAX} deep`);
}
