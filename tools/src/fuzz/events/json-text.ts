/** JSON as it is written: members in order, twins among them, and texts that no value stands for. */
export type Json = null | boolean | number | string | Json[] | JsonObject | JsonText;

/** A piece of JSON text that is written as it stands, right or wrong. */
export class JsonText {
  constructor(readonly text: string) {}
}

export class JsonObject {
  constructor(readonly members: [name: string | JsonText, value: Json][]) {}
}

export function readJson(text: string): Json {
  return fromValue(JSON.parse(text));
}

export function fromValue(value: unknown): Json {
  if (Array.isArray(value)) return value.map(fromValue);
  if (typeof value !== 'object' || value === null) return value as Json;
  return new JsonObject(Object.entries(value).map(([name, below]) => [name, fromValue(below)]));
}

export function writeJson(json: Json): string {
  if (json instanceof JsonText) return json.text;
  if (Array.isArray(json)) return `[${json.map(writeJson).join(',')}]`;
  if (json instanceof JsonObject)
    return `{${json.members.map(([name, value]) => `${writeJson(name)}:${writeJson(value)}`).join(',')}}`;
  return JSON.stringify(json);
}
