import { protectPayload, type CompiledPrivacy, type TokenMode } from '@millrace/contracts';
import { canonicalize, type Envelope, parseLossless } from '@millrace/envelope';
import { reversibleToken, token } from '@millrace/privacy';
import type { Protection } from './protection';
import type { SubjectKey } from './subject-keys';

/** Digits of an integer that a double holds for certain. */
const EXACT_DIGITS_MAX = 15;

/** Tokens that are kept of a subject, and characters of a value that is kept. */
const MADE_MAX = 8;
const MADE_CHARS_MAX = 128;

/**
 * A value as tokens are made of it: its JSON text in one form, so that equal values have equal tokens however they were
 * written, and "1" and 1 have different ones.
 */
export function tokenText(json: string): string {
  const first = json[0];
  if (first === '"') return json.includes('\\') ? JSON.stringify(JSON.parse(json)) : json;
  if (first === '{' || first === '[') return canonicalize(parseLossless(json));
  if (first === 't' || first === 'f') return json;
  return json.length > EXACT_DIGITS_MAX && /^-?\d+$/.test(json) ? json : String(Number(json));
}

/** The event with tokens in place of whatever its contract classifies. */
export function protectEnvelope(
  envelope: Envelope,
  privacy: CompiledPrivacy,
  key: SubjectKey,
  { lake }: Protection,
): Envelope {
  const tokenOf = (json: string, { scope, reversible }: TokenMode): string => {
    const make = reversible ? reversibleToken : token;
    if (scope === 'lake') return make(lake.tokens(envelope.tenantId), tokenText(json));
    const name = reversible ? `r${json}` : json;
    let made = key.made.get(name);
    if (made === undefined) {
      made = make(key.tokens, tokenText(json));
      if (key.made.size < MADE_MAX && name.length <= MADE_CHARS_MAX) key.made.set(name, made);
    }
    return made;
  };
  const own = (text: string | null): string | null => (text === null ? null : tokenOf(JSON.stringify(text), OWN));
  const { subject, attributes, traceId } = privacy.envelope;
  return {
    ...envelope,
    payloadJson: protectPayload(envelope.payloadJson, privacy.root, (json, mode) => `"${tokenOf(json, mode)}"`),
    subject: subject ? own(envelope.subject) : envelope.subject,
    traceId: traceId ? own(envelope.traceId) : envelope.traceId,
    attributesJson:
      attributes && envelope.attributesJson !== null
        ? `{"token":"${tokenOf(envelope.attributesJson, OWN)}"}`
        : envelope.attributesJson,
  };
}

const OWN: TokenMode = { scope: 'subject', reversible: false };
