import { isDailyKey, KeyError, type NamedKey, open, openHeaders, openValues } from '@millrace/privacy';
import { openItem, type QuarantinedBytes, type StoredBytes } from '../quarantine/sealed-item';
import { aboutRawLine, parseRawLine, parseSealedLine, rawLine } from '../staging/raw-line';
import { EXPIRED } from './expiry';
import type { KeyStore } from './key-store';
import type { Protections } from './protection';
import { openSubjectKey, subjectKeyNumber } from './subject-keys';

/** Why sealed bytes can never be read again. */
export type Unreadable = 'erased' | 'expired' | 'damaged';

export type Opened = ({ readonly ok: true } & QuarantinedBytes) | { readonly ok: false; readonly why: Unreadable };

/** Opens what was sealed after curation: quarantined items and raw lines. */
export class Opener {
  constructor(
    private readonly protections: Protections,
    private readonly keys: Pick<KeyStore, 'byIds' | 'destroyed'>,
  ) {}

  /**
   * Quarantined items as they came, in the order of the rows. What can never be read again says why; rejects with a
   * KeyError, or as the stores do, while a key cannot be had.
   */
  async items(rows: readonly StoredBytes[]): Promise<Opened[]> {
    const keys = await this.keysOf(rows.flatMap(({ sealedBy }) => sealedBy ?? []));
    return rows.map(({ sealedBy, headers, raw }): Opened => {
      if (sealedBy === null) return { ok: true, headers, raw };
      const key = keys.get(sealedBy) ?? 'damaged';
      if (typeof key === 'string') return { ok: false, why: key };
      try {
        return { ok: true, ...openItem(raw, key) };
      } catch (error) {
        if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return { ok: false, why: 'damaged' };
        throw error;
      }
    });
  }

  /** Raw lines as they were before they were sealed; those in clear as they are. */
  async lines(texts: readonly string[]): Promise<(string | { readonly why: Unreadable })[]> {
    const parsed = texts.map(parseSealedLine);
    const keys = await this.keysOf(parsed.flatMap((line) => line?.keyId ?? []));
    const lines = parsed.map((line, i): string | { readonly why: Unreadable } => {
      if (!line) return texts[i];
      const key = keys.get(line.keyId) ?? 'damaged';
      if (typeof key === 'string') return { why: key };
      try {
        return open(key.key, line.sealed, aboutRawLine(key.id)).toString('utf8').trimEnd();
      } catch (error) {
        if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return { why: 'damaged' };
        throw error;
      }
    });
    const unread = new Set(lines.flatMap((line) => (typeof line === 'string' ? (inboundKeyOf(line) ?? []) : [])));
    if (unread.size === 0) return lines;
    const inbound = await this.keysOf(unread);
    return lines.map((line) => (typeof line === 'string' ? openUnread(line, inbound) : line));
  }

  /** Keys by id, or why they are no more. */
  async keysOf(ids: Iterable<string>): Promise<ReadonlyMap<string, NamedKey | Unreadable>> {
    const found = new Map<string, NamedKey | Unreadable>();
    const subjects = new Map<number, string>();
    for (const id of new Set(ids)) {
      const subject = subjectKeyNumber(id);
      if (subject !== null) subjects.set(subject, id);
      else if (!isDailyKey(id)) found.set(id, id === EXPIRED ? 'expired' : 'damaged');
      else found.set(id, (await this.protections.inboundKey(id)) ?? 'expired');
    }
    if (subjects.size === 0) return found;
    const lake = await this.protections.lakeKeys();
    for (const row of await this.keys.byIds([...subjects.keys()])) {
      found.set(subjects.get(row.id) as string, openSubjectKey(lake, row).seal);
      subjects.delete(row.id);
    }
    const destroyed = await this.keys.destroyed([...subjects.keys()]);
    for (const [number, id] of subjects) found.set(id, destroyed.has(number) ? 'erased' : 'damaged');
    return found;
  }
}

/** Which key an item that was put aside unread is still sealed under, as the gateway did. */
function inboundKeyOf(line: string): string | null {
  if (!line.includes('"seal":"')) return null;
  const { sealed } = parseRawLine(line).head;
  return typeof sealed === 'string' && isDailyKey(sealed) ? sealed : null;
}

function openUnread(
  line: string,
  keys: ReadonlyMap<string, NamedKey | Unreadable>,
): string | { readonly why: Unreadable } {
  const id = inboundKeyOf(line);
  if (id === null) return line;
  const key = keys.get(id) ?? 'damaged';
  if (typeof key === 'string') return { why: key };
  const { head, value } = parseRawLine(line);
  try {
    return rawLine(openHeaders(head, key), openValues(head, [value], key)[0]);
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_MISMATCH') return { why: 'damaged' };
    throw error;
  }
}
