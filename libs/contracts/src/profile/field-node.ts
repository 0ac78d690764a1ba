import type { FieldProfile } from '@millrace/topics';
import { isDate, isDateTime } from '../formats';
import type { ProtectedNode } from '../privacy';
import { formatJsonPath } from '../property-path';
import { FIELD_NAME_CHARS_MAX, OBJECT_FIELDS_MAX, PROFILE_DEPTH_MAX, PROFILE_FIELDS_MAX } from './limits';

/** What the fields of one profile share. */
export interface Room {
  fields: number;
  overflow: number;
}

/** The first texts of a field are looked at for their form, then one in so many. */
const SAMPLED_FIRST = 32;
const SAMPLED_EVERY = 64;

/** Databases store no NUL in a text, and nobody means the others. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * One field's counts. Fields of an object are kept in the order in which they were first met, and events of a type
 * mostly have theirs in one order: then finding a field is a comparison of two pointers. Some 12 ns a field.
 */
export class FieldNode {
  nulls = 0;
  booleans = 0;
  integers = 0;
  bigIntegers = 0;
  fractions = 0;
  strings = 0;
  objects = 0;
  arrays = 0;
  min = Infinity;
  max = -Infinity;
  longest = 0;
  sampled = 0;
  dates = 0;
  timestamps = 0;
  wide = false;
  readonly children: FieldNode[] = [];
  private readonly byName = new Map<string, FieldNode>();

  constructor(
    readonly name: string,
    readonly place: number,
    private readonly depth: number,
    private readonly room: Room,
  ) {
    room.fields++;
  }

  observe(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.strings++;
        if (value.length > this.longest) this.longest = value.length;
        if (this.strings <= SAMPLED_FIRST || this.strings % SAMPLED_EVERY === 0) this.sample(value);
        return;
      case 'number':
        if (!Number.isInteger(value)) this.fractions++;
        else if (Number.isSafeInteger(value)) this.integers++;
        else this.bigIntegers++;
        if (value < this.min) this.min = value;
        if (value > this.max) this.max = value;
        return;
      case 'boolean':
        this.booleans++;
        return;
      default:
        if (value === null) this.nulls++;
        else if (Array.isArray(value)) {
          this.arrays++;
          if (value.length > this.longest) this.longest = value.length;
        } else {
          this.objects++;
          this.observeFields(value as Record<string, unknown>);
        }
    }
  }

  private observeFields(object: Record<string, unknown>): void {
    const { children } = this;
    let next = 0;
    for (const name in object) {
      let child: FieldNode | null = next < children.length ? children[next] : null;
      if (child === null || child.name !== name) {
        child = this.child(name);
        if (child === null) continue;
      }
      next = child.place + 1;
      child.observe(object[name]);
    }
  }

  private child(name: string): FieldNode | null {
    const known = this.byName.get(name);
    if (known) return known;
    const { children, room, depth } = this;
    if (children.length >= OBJECT_FIELDS_MAX) this.wide = true;
    if (
      this.wide ||
      room.fields >= PROFILE_FIELDS_MAX ||
      depth + 1 >= PROFILE_DEPTH_MAX ||
      name.length > FIELD_NAME_CHARS_MAX ||
      CONTROL.test(name)
    ) {
      room.overflow++;
      return null;
    }
    const child = new FieldNode(name, children.length, depth + 1, room);
    children.push(child);
    this.byName.set(name, child);
    return child;
  }

  private sample(text: string): void {
    this.sampled++;
    // Neither has another length.
    if (text.length === 10 && isDate(text)) this.dates++;
    else if (text.length >= 20 && text.length <= 40 && isDateTime(text)) this.timestamps++;
  }

  /**
   * This field and those below it. An object that is wide speaks for its fields.
   *
   * @param classified where personal data is: of what lies there nothing is told that a value could be known by
   */
  profiles(above: readonly string[], classified: ProtectedNode | null = null): FieldProfile[] {
    const path = [...above, this.name];
    const counts = {
      ...{ nulls: this.nulls, booleans: this.booleans, integers: this.integers, bigIntegers: this.bigIntegers },
      ...{ fractions: this.fractions, strings: this.strings, objects: this.objects, arrays: this.arrays },
      ...{ longest: this.longest, sampled: this.sampled, dates: this.dates, timestamps: this.timestamps },
    };
    const own: FieldProfile = {
      path: formatJsonPath(path),
      ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      ...(this.min <= this.max && classified === null && { min: this.min, max: this.max }),
      ...(this.wide && { wide: true }),
    };
    return this.wide
      ? [own]
      : [own, ...this.children.flatMap((child) => child.profiles(path, within(classified, child.name)))];
  }
}

const within = (classified: ProtectedNode | null, name: string): ProtectedNode | null =>
  classified?.token ? classified : (classified?.members.get(name) ?? null);
