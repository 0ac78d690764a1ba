import { isUtf8 } from 'node:buffer';
import { scan } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';

/** What a push request brings: the message's data, decoded, and its attributes. */
export interface PushMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

type Span = readonly [start: number, end: number];
type Members = ReadonlyMap<string, Span>;

const FAULTS = {
  syntax: ['invalid_json', 'A push envelope is one JSON text (RFC 8259).'],
  number: ['invalid_number', 'A number is a JSON number within the range of a double.'],
  depth: ['too_deep', 'Objects and arrays nest at most 64 deep.'],
} as const;

/**
 * Reads a Pub/Sub push body, `{message: {data, attributes, messageId, publishTime, orderingKey}, subscription}`
 * (https://cloud.google.com/pubsub/docs/push); Eventarc sends the same under `ce-*` headers. Nothing is guessed: what is
 * no such envelope is refused by path and rule, and no member is taken where a name stands twice.
 * @throws ProblemException 400
 */
export function readPushEnvelope(body: Buffer): PushMessage {
  if (!isUtf8(body)) throw fault('$', 'invalid_utf8', 'A push envelope is UTF-8.');
  const { fault: stopped, faultAt, protoKeyAt } = scan(body);
  if (stopped)
    throw fault('$', FAULTS[stopped][0], `${FAULTS[stopped][1]} This one stops being that at byte ${faultAt}.`);
  if (protoKeyAt >= 0) throw fault('$', 'forbidden_key', '__proto__ is not allowed as a name.');
  const envelope = membersOf(body, [0, body.length], '$');
  const message = membersOf(body, present(body, envelope, 'message', '$'), '$.message');
  const data = valueOf(body, message.get('data')) ?? '';
  if (typeof data !== 'string' || !isBase64(data)) throw fault('$.message.data', 'base64', 'message.data is base64.');
  return { data: Buffer.from(data, 'base64'), attributes: attributesOf(body, message.get('attributes')) };
}

function attributesOf(body: Buffer, span: Span | undefined): Record<string, string> {
  const path = '$.message.attributes';
  if (!span || valueOf(body, span) === null) return {};
  const attributes: Record<string, string> = {};
  for (const [name, place] of membersOf(body, span, path)) {
    const value = valueOf(body, place);
    if (typeof value !== 'string') throw fault(`${path}[${JSON.stringify(name)}]`, 'type', 'An attribute is a string.');
    attributes[name] = value;
  }
  return attributes;
}

/** Members of the object at `span`, by name. */
function membersOf(body: Buffer, [start, end]: Span, path: string): Members {
  const { kind, top } = scan(body, start, end);
  if (kind !== 'object') throw fault(path, 'type', `${path === '$' ? 'A push envelope' : path.slice(2)} is an object.`);
  const members = new Map<string, Span>();
  for (const member of top) {
    if (members.has(member.name)) throw fault(path, 'duplicate_key', 'The names within an object are unique.');
    members.set(member.name, [member.start, member.end]);
  }
  return members;
}

function present(body: Buffer, members: Members, name: string, path: string): Span {
  const span = members.get(name);
  if (!span) throw fault(`${path}.${name}`, 'required', `A push envelope has a ${name} object.`);
  return span;
}

/** A string, null, or undefined for what is absent; anything else as it may be. Containers are not built. */
function valueOf(body: Buffer, span: Span | undefined): unknown {
  if (!span) return undefined;
  const first = body[span[0]];
  if (first === 0x7b || first === 0x5b) return body;
  return JSON.parse(body.toString('utf8', span[0], span[1])) as unknown;
}

/** Standard and URL-safe alphabets, padded or not. */
function isBase64(text: string): boolean {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && (text.length - padding) % 4 !== 1;
}

function fault(path: string, rule: string, detail: string): ProblemException {
  return new ProblemException(400, { detail, errors: [{ path: path.slice(0, 512), rule, detail }] });
}
