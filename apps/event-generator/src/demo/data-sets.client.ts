import { createReadStream, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createGunzip } from 'node:zlib';

/** Where a data set's stream is: one item a line, compressed. */
const STREAM = 'events.jsonl.gz';
const LINE_BYTES_MAX = 4 << 20;

/** The data sets in a folder, by name; each is a folder with a stream in it. */
export function dataSetsIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(path.join(dir, entry.name, STREAM)))
    .map(({ name }) => name)
    .sort();
}

/** The lines of a data set as bytes, also those that are no UTF-8. Holds a few hundred KiB, however large it is. */
export async function* linesOf(dir: string, name: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path.join(dir, name, STREAM));
  const bytes = createGunzip();
  file.once('error', (error) => bytes.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of file.pipe(bytes) as AsyncIterable<Buffer>) {
      const text = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      let from = 0;
      for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, from)) {
        yield text.subarray(from, end);
        from = end + 1;
      }
      rest = text.subarray(from);
      if (rest.length > LINE_BYTES_MAX) throw new Error(`a line of ${name} has more than ${LINE_BYTES_MAX} bytes`);
    }
    if (rest.length > 0) yield rest;
  } finally {
    file.destroy();
  }
}
