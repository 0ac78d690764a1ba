import { type Chance, mutate as mutateBytes } from '@millrace/service/fuzzing';
import { type Json, JsonObject, JsonText, readJson, writeJson } from './json-text';
import { ANY, NAMES, NUMBERS, TEXTS, TIMES } from './odd-values';

const CHANGES_MAX = 3;
const LEVELS_MAX = 300;
const TWINS_MAX = 3;
const MEMBERS_MAX = 400;
/** Each makes a table: more of them are many small files and no more kinds of damage. */
const TYPES_MAX = 6;

/** A place in a document: what is there, and how to put something else there. */
interface Place {
  readonly value: Json;
  put(value: Json): void;
  /** Takes a member or an element away. */
  drop(): void;
  /** Where the place is a member's. */
  readonly within: { readonly object: JsonObject; readonly name: string | JsonText } | null;
}

/**
 * An event as somebody's broken, old or hostile producer might send it: one line of NDJSON, made of a good one. The
 * `n`-th of a seed is the same whatever was made before it.
 *
 * @param n makes the event's id its own, in most cases: else nearly all would be repeats
 */
export function mutatedEvent(chance: Chance, line: Buffer, n: number): Buffer {
  const document = parsed(line);
  if (document === null || chance.one(12)) return oneLine(mutateBytes(chance, line), line);
  if (!chance.one(10)) set(document, 'event_id', (id) => `${String(id)}~${n}`);
  // Of a type without a contract the payload may be anything; what is seen of it makes one, and changes it again.
  if (chance.one(3)) set(document, 'event_type', () => `fuzz.${chance.below(TYPES_MAX)}`);
  for (let changes = chance.one(3) ? 1 + chance.below(CHANGES_MAX) : 1; changes > 0; changes--)
    change(chance, document);
  const bytes = Buffer.from(writeJson(chance.one(200) ? chance.pick([...ANY, [document]]) : document));
  return oneLine(chance.one(40) ? mutateBytes(chance, bytes) : bytes, line);
}

/** Of the bundled stream some lines are damaged: they are mutated as bytes. */
function parsed(line: Buffer): JsonObject | null {
  try {
    const json = readJson(line.toString('utf8'));
    return json instanceof JsonObject ? json : null;
  } catch {
    return null;
  }
}

function set({ members }: JsonObject, name: string, to: (value: Json) => Json): void {
  for (const member of members) if (member[0] === name) member[1] = to(member[1]);
}

/** A line feed would make two items of it, and white space alone none. */
function oneLine(bytes: Buffer, instead: Buffer): Buffer {
  const line = bytes.filter((byte) => byte !== 10 && byte !== 13);
  return line.some((byte) => byte !== 32 && byte !== 9) ? Buffer.from(line) : instead;
}

function change(chance: Chance, document: JsonObject): void {
  const places = [...placesOf(document)];
  if (places.length === 0) return;
  const place = chance.pick(places);
  switch (chance.below(10)) {
    case 0:
      return place.drop();
    case 1:
      return place.put(chance.pick(ANY));
    case 2:
      return place.put(chance.pick(NUMBERS));
    case 3:
      return place.put(chance.pick(TEXTS));
    case 4:
      return place.put(nested(chance, place.value));
    case 5:
      return twin(chance, place);
    case 6:
      return strangers(chance, objectAt(chance, document));
    case 7:
      return rename(chance, place);
    default:
      return chance.pick(timesAmong(places) ?? places).put(chance.pick(TIMES));
  }
}

function* placesOf(json: Json): Generator<Place> {
  if (json instanceof JsonObject)
    for (const member of json.members) {
      yield {
        value: member[1],
        put: (value) => void (member[1] = value),
        drop: () => void json.members.splice(json.members.indexOf(member), 1),
        within: { object: json, name: member[0] },
      };
      yield* placesOf(member[1]);
    }
  else if (Array.isArray(json))
    for (const [i, element] of json.entries()) {
      yield {
        value: element,
        put: (value) => void (json[i] = value),
        drop: () => void json.splice(i, 1),
        within: null,
      };
      yield* placesOf(element);
    }
}

function timesAmong(places: readonly Place[]): readonly Place[] | null {
  const times = places.filter(({ value }) => typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value));
  return times.length > 0 ? times : null;
}

function objectAt(chance: Chance, document: JsonObject): JsonObject {
  const objects = [...placesOf(document)].flatMap(({ value }) => (value instanceof JsonObject ? [value] : []));
  return chance.pick([document, ...objects]);
}

/** Wrapped in lists or objects, up to deeper than anything is read. */
function nested(chance: Chance, value: Json): Json {
  const levels = chance.one(3) ? 1 + chance.below(LEVELS_MAX) : 1 + chance.below(40);
  const open = chance.pick(['[', '{"a":', '[{"b":']);
  const close = open === '[' ? ']' : open === '[{"b":' ? '}]' : '}';
  return new JsonText(open.repeat(levels) + writeJson(value) + close.repeat(chance.one(30) ? levels - 1 : levels));
}

/** The same name once more, with the same value or another, before or behind. */
function twin(chance: Chance, { within, value }: Place): void {
  if (!within) return;
  for (let twins = 1 + chance.below(TWINS_MAX); twins > 0; twins--) {
    const other = chance.one(2) ? value : chance.pick([...ANY, ...TIMES]);
    within.object.members.splice(chance.below(within.object.members.length + 1), 0, [within.name, other]);
  }
}

/** Members that nobody asked for: one with a strange name, or very many. */
function strangers(chance: Chance, { members }: JsonObject): void {
  if (chance.one(20))
    for (let i = chance.below(MEMBERS_MAX); i > 0; i--) members.push([`field_${i}`, chance.pick(ANY)]);
  else members.push([chance.pick(NAMES), chance.pick(chance.one(2) ? ANY : TEXTS)]);
}

function rename(chance: Chance, { within, value }: Place): void {
  const member = within?.object.members.find(([name, held]) => name === within.name && held === value);
  if (!member) return;
  const name = typeof member[0] === 'string' ? member[0] : '';
  member[0] = chance.pick([name.toUpperCase(), `${name} `, `${name}\0`, name.replace(/./, '\u0130'), ...NAMES]);
}
