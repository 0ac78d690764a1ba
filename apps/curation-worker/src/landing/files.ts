import type { StagedFile } from '@millrace/topics';
import type { Validated } from '../pipeline/curate';
import { type RawPlaces, writeRawPart } from '../staging/raw-parts';
import type { LandDeps } from './land-batch';
import type { Landing } from './port';

/** Writes the raw parts that are not there yet. */
export function writeRaw(deps: LandDeps, places: RawPlaces, validated: readonly Validated[]): Promise<StagedFile[]> {
  const raw = allEnded(
    places.parts
      .filter(({ stored }) => !stored)
      .map((part) => writeRawPart(deps.storage, part, validated, deps.compress, deps.random)),
  );
  // It is awaited late; until then a rejection is not an unhandled one.
  raw.catch(() => undefined);
  return raw;
}

/** As Promise.all, but rejects only once none is under way: a file must not appear after it was deleted. */
async function allEnded<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}

/** Leaves nothing of a failed attempt. What cannot be deleted now is collected once the epoch is dead. */
export async function undo(
  deps: LandDeps,
  landing: Landing | null,
  raw: Promise<unknown>,
  written: readonly string[],
): Promise<void> {
  await landing?.rollback();
  await raw.catch(() => undefined);
  await deleteFiles(deps, written);
}

export async function deleteFiles({ storage }: Pick<LandDeps, 'storage'>, paths: readonly string[]): Promise<void> {
  for (const path of paths) await storage.delete(path).catch(() => undefined);
}
