import { KeyError, parseToken, reverse } from '@millrace/privacy';
import type { KeyStore, SubjectKeyRow } from './key-store';
import type { LakeKeys } from './lake-keys';
import { openSubjectKey, subjectKeyNumber } from './subject-keys';

/**
 * - `not_reversible`: no token, or one that nobody can turn back.
 * - `erased`: its subject's key was destroyed.
 * - `unknown`: no key of the tenant made it.
 */
export type NotRevealed = 'not_reversible' | 'erased' | 'unknown';

export type Revealed =
  /** `value` is as the payload had it, `json` its text, which also has the digits that a number would lose. */
  | { readonly token: string; readonly value: unknown; readonly json: string }
  | { readonly token: string; readonly why: NotRevealed };

export interface RevealDeps {
  readonly keys: Pick<KeyStore, 'byIds' | 'destroyed'>;
  readonly lakeKeys: () => Promise<LakeKeys>;
}

const LAKE_ID = /^l([0-9a-z]+)$/;

/** What reversible tokens of a tenant stand for, in their order. Rejects with a KeyError, or as the store does. */
export async function reveal(
  { keys, lakeKeys }: RevealDeps,
  tenant: string,
  tokens: readonly string[],
): Promise<Revealed[]> {
  const parsed = tokens.map(parseToken);
  const ids = new Set(parsed.flatMap((token) => (token?.reversible ? (subjectKeyNumber(token.keyId) ?? []) : [])));
  const lake = await lakeKeys();
  const rows = new Map<number, SubjectKeyRow>();
  for (const row of await keys.byIds([...ids])) if (row.tenant === tenant) rows.set(row.id, row);
  const destroyed = await keys.destroyed([...ids].filter((id) => !rows.has(id)));

  return tokens.map((token, i): Revealed => {
    const about = parsed[i];
    if (!about?.reversible) return { token, why: 'not_reversible' };
    const subject = subjectKeyNumber(about.keyId);
    const row = subject === null ? undefined : rows.get(subject);
    if (subject !== null && !row) return { token, why: destroyed.has(subject) ? 'erased' : 'unknown' };
    const lakeId = LAKE_ID.exec(about.keyId);
    if (!row && !lakeId) return { token, why: 'unknown' };
    try {
      // A tenant has keys of its own, so a token of another is one that no key of this made.
      const key = row
        ? openSubjectKey(lake, row).tokens
        : lake.tokens(tenant, parseInt((lakeId as RegExpExecArray)[1], 36));
      const json = reverse(key, token);
      return { token, value: JSON.parse(json) as unknown, json };
    } catch (error) {
      if (error instanceof KeyError && (error.code === 'KEY_MISMATCH' || (lakeId && error.code === 'KEY_ABSENT')))
        return { token, why: 'unknown' };
      throw error;
    }
  });
}
