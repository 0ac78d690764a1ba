import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type KnownAnswers, knownAnswers } from '@millrace/marts';
import { StartError } from '../start/start-error';
import { WORKSPACE_ROOT } from '../start/services';

/** The bundled stream and the answers that were counted from its source table, not from the events. */
export interface DataSet {
  readonly known: KnownAnswers;
  /** The stream as it arrives: one item a line, damaged ones included, as bytes. */
  readonly lines: readonly Buffer[];
  /** An event that arrives twice, the second time written differently. */
  readonly repeatedEventId: string;
}

/** Reads the bundled data set (about 29 MB in memory). Throws StartError when it is not there. */
export function readDataSet(dir: string = path.join(WORKSPACE_ROOT, 'demo', 'shipments')): DataSet {
  const text = (name: string): string => fs.readFileSync(path.join(dir, 'expected', `${name}.json`), 'utf8');
  try {
    const lines = splitLines(gunzipSync(fs.readFileSync(path.join(dir, 'events.jsonl.gz'))));
    const files = {
      manifest: text('manifest'),
      day_carrier: text('day_carrier'),
      day: text('day'),
      carrier: text('carrier'),
      origin_dest: text('origin_dest'),
    };
    return { known: knownAnswers(files), lines, repeatedEventId: findRepeated(lines) };
  } catch (error) {
    throw new StartError(`The demo's data set cannot be read from ${dir}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Runs of lines with at most `linesMax` lines and `bytesMax` bytes each (unless one line alone has more). */
export function* batches(
  lines: readonly Buffer[],
  linesMax: number,
  bytesMax: number,
): Generator<{ lines: number; body: Buffer }> {
  let from = 0;
  let bytes = 0;
  const take = (to: number): { lines: number; body: Buffer } => ({
    lines: to - from,
    body: Buffer.concat(lines.slice(from, to).flatMap((line) => [line, NEWLINE])),
  });
  for (let i = 0; i < lines.length; i++) {
    const length = (lines[i] as Buffer).length + 1;
    if (i > from && (i - from >= linesMax || bytes + length > bytesMax)) {
      yield take(i);
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < lines.length) yield take(lines.length);
}

const NEWLINE = Buffer.from('\n');

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(10, from);
    const to = end < 0 ? bytes.length : end;
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return lines;
}

function findRepeated(lines: readonly Buffer[]): string {
  const seen = new Set<string>();
  for (const line of lines) {
    const text = line.toString();
    const id = /"event_id": ?"([^"!]+:delivered)"/.exec(text)?.[1];
    if (id === undefined) continue;
    // The copies that were serialised anew escape a letter of a key.
    if (seen.has(id) && text.includes('\\u0073')) return id;
    seen.add(id);
  }
  throw new Error('no event of it arrives twice');
}
