import { setImmediate as nextTurn } from 'node:timers/promises';
import { KeyError } from '@millrace/privacy';
import type { Storage } from '@millrace/storage';
import { tokenMarks } from '@millrace/topics';
import type { Opener } from '../privacy/opener';
import type { LakeSearch } from './lake-search';
import type { ClaimedErasure, ErasureStore } from './port';
import { linesUnder, rawParts } from './raw-search';
import type { Searched } from './report';

export interface VerifyDeps {
  readonly store: Pick<ErasureStore, 'sealedItems'>;
  readonly opener: Pick<Opener, 'items' | 'lines' | 'keysOf'>;
  readonly storage: Pick<Storage, 'get' | 'list' | 'delete'>;
  readonly lake: Pick<LakeSearch, 'tables' | 'table' | 'unused' | 'staged'>;
}

/** Where the search is: `step` counts what is to be searched, `cursor` is within it. */
export interface VerifyState {
  readonly step: number;
  readonly cursor: string | null;
  readonly searched: readonly Searched[];
  readonly stagedFiles: number;
}

const NOTHING: VerifyState = { step: 0, cursor: null, searched: [], stagedFiles: 0 };
/** Raw parts, or bytes of them, between two states. */
const PARTS_A_STEP = 50;
const BYTES_A_STEP = 64 << 20;
const ITEMS_A_STEP = 500;

/**
 * Searches everything again for what an erased subject left, and tries to read it: sealed lines and items are opened as
 * whoever replays them opens them, tables and their former versions are looked through for tokens. Yields how far it is;
 * from any such state on it can be gone on with.
 */
export async function* verifyErasure(
  deps: VerifyDeps,
  erasure: Pick<ClaimedErasure, 'keys' | 'rows' | 'state'>,
  signal: AbortSignal,
): AsyncGenerator<VerifyState> {
  const { keys, rows } = erasure;
  const marks = tokenMarks(keys);
  let state = (erasure.state as VerifyState | null) ?? NOTHING;
  const steps: ((cursor: string | null) => AsyncGenerator<{ found: Searched; cursor: string | null }>)[] = [
    (cursor) => items(deps, 'quarantine', keys, cursor),
    (cursor) => items(deps, 'waiting', keys, cursor),
    (cursor) => raw(deps, keys, cursor, signal),
    (cursor) => tables(deps, { marks, keys, rows, isMart: false, cursor, signal }),
    (cursor) => tables(deps, { marks, keys, rows, isMart: true, cursor, signal }),
  ];
  for (; state.step < steps.length; state = { ...state, step: state.step + 1, cursor: null }) {
    for await (const { found, cursor } of steps[state.step](state.cursor)) {
      signal.throwIfAborted();
      state = { ...state, cursor, searched: add(state.searched, found) };
      yield state;
    }
  }
  // Last: what table-manager has taken over by then is nobody's.
  if (state.step === steps.length) {
    const { searched, holding } = keys.length === 0 ? { searched: 0, holding: [] } : await deps.lake.staged(marks);
    if (rows === 'delete') for (const path of holding) await deps.storage.delete(path);
    const left = rows === 'delete' ? await stagedLeft(deps, marks, keys) : holding.length;
    const readable = await readableOf(deps, keys, rows, left);
    const found = { place: 'staged files', searched, found: left, readable };
    const stagedFiles = rows === 'delete' ? state.stagedFiles + holding.length : 0;
    yield { ...state, step: state.step + 1, searched: add(state.searched, found), stagedFiles };
  }
}

const stagedLeft = async ({ lake }: VerifyDeps, marks: readonly string[], keys: readonly string[]): Promise<number> =>
  keys.length === 0 ? 0 : (await lake.staged(marks)).holding.length;

async function* items(
  { store, opener }: VerifyDeps,
  place: 'quarantine' | 'waiting',
  keys: readonly string[],
  cursor: string | null,
): AsyncGenerator<{ found: Searched; cursor: string | null }> {
  for (let after = Number(cursor ?? 0); ;) {
    const some = await store.sealedItems(place, keys, after, ITEMS_A_STEP);
    const headers = { format: 'event', tenant: '', source: '', at: '' } as const;
    const opened = await opener.items(some.map(({ raw: bytes, sealedBy }) => ({ headers, raw: bytes, sealedBy })));
    const readable = opened.filter(({ ok }) => ok).length;
    after = some.at(-1)?.id ?? after;
    yield { found: { place, searched: some.length, found: some.length, readable }, cursor: String(after) };
    if (some.length < ITEMS_A_STEP) return;
  }
}

async function* raw(
  { storage, opener }: VerifyDeps,
  keys: readonly string[],
  after: string | null,
  signal: AbortSignal,
): AsyncGenerator<{ found: Searched; cursor: string | null }> {
  let found = { place: 'raw', searched: 0, bytes: 0, found: 0, readable: 0 };
  let cursor = after;
  for await (const { path, bytes } of rawParts(storage, after)) {
    signal.throwIfAborted();
    const lines = await linesUnder(storage, path, keys);
    const opened = lines.length === 0 ? [] : await opener.lines(lines);
    found.searched++;
    found.bytes += bytes;
    found.found += lines.length;
    found.readable += opened.filter((line) => typeof line === 'string').length;
    cursor = path;
    await nextTurn();
    if (found.searched < PARTS_A_STEP && found.bytes < BYTES_A_STEP) continue;
    yield { found, cursor };
    found = { place: 'raw', searched: 0, bytes: 0, found: 0, readable: 0 };
  }
  yield { found, cursor };
}

interface TablesStep {
  readonly marks: readonly string[];
  readonly keys: readonly string[];
  readonly rows: 'keep' | 'delete';
  readonly isMart: boolean;
  readonly cursor: string | null;
  readonly signal: AbortSignal;
}

/** The newest version of each table, and beside it all files that it does not name. */
async function* tables(
  deps: VerifyDeps,
  { marks, keys, rows, isMart, cursor, signal }: TablesStep,
): AsyncGenerator<{ found: Searched; cursor: string | null }> {
  const place = isMart ? 'marts' : 'tables';
  for (const id of await deps.lake.tables()) {
    if (id.startsWith('mart.') !== isMart || (cursor !== null && id <= cursor)) continue;
    const now = await deps.lake.table(id, marks, signal);
    const former = await deps.lake.unused(id, marks, signal);
    const [searched, bytes, held] = [now?.searched ?? 0, now?.bytes ?? 0, now?.rows ?? 0];
    const readable = await readableOf(deps, keys, rows, held);
    yield { found: { place, searched, bytes, found: held, readable }, cursor: id };
    const formerly = { place: `former versions of ${place}`, searched: 1, found: former };
    yield { found: { ...formerly, readable: await readableOf(deps, keys, rows, former) }, cursor: id };
  }
}

/** Rows that should be gone count as they are; tokens that are kept count for as long as anybody has their key. */
async function readableOf(
  { opener }: VerifyDeps,
  keys: readonly string[],
  rows: 'keep' | 'delete',
  held: number,
): Promise<number> {
  if (held === 0 || rows === 'delete') return held;
  try {
    return [...(await opener.keysOf(keys)).values()].some((key) => typeof key !== 'string') ? held : 0;
  } catch (error) {
    if (error instanceof KeyError) return held;
    throw error;
  }
}

function add(known: readonly Searched[], more: Searched): Searched[] {
  const found = known.find(({ place }) => place === more.place);
  if (!found) return [...known, more];
  const bytes = (found.bytes ?? 0) + (more.bytes ?? 0);
  const sum: Searched = {
    place: more.place,
    searched: found.searched + more.searched,
    ...(bytes > 0 && { bytes }),
    found: found.found + more.found,
    readable: found.readable + more.readable,
  };
  return known.map((each) => (each === found ? sum : each));
}
