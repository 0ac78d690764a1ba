import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createFilesystemStorage } from '.';

/**
 * Writes objects without end, in each way the port has, naming on standard output those whose write has resolved. Each
 * object begins with the SHA-256 of the rest. `npm test` kills it, or lets its disk run full.
 */
async function main(root: string, bytesMax: number): Promise<void> {
  const storage = createFilesystemStorage({ root });
  const body = (seed: string): Buffer => {
    const rest = Buffer.alloc(1 + ((seed.length * 7919 + Number(seed.replace(/\D/g, '')) * 104729) % bytesMax), seed);
    return Buffer.concat([createHash('sha256').update(rest).digest(), rest]);
  };
  const done = (name: string): void => void process.stdout.write(`${name}\n`);
  for (let i = 0; ; i++) {
    await Promise.all([
      storage.createIfAbsent(`created/${i % 7}/c${i}`, body(`c${i}`)).then(() => done(`created/${i % 7}/c${i}`)),
      storage.put('put', body(`p${i}`)).then(() => done('put')),
      (async () => {
        const staged = await storage.stage(`staged/s${i}`);
        await writeFile(staged.localPath, body(`s${i}`));
        await staged.publish();
        done(`staged/s${i}`);
      })(),
      (async () => {
        const folder = await storage.stageFolder();
        const files = ['x', 'y'].map((n) => ({ localPath: path.join(folder.localPath, n), path: `folder/${i}/${n}` }));
        for (const file of files) await writeFile(file.localPath, body(`f${i}`));
        await folder.publish(files);
        await folder.discard();
        for (const file of files) done(file.path);
      })(),
    ]);
  }
}

main(process.argv[2], Number(process.argv[3])).catch((error: { code?: string; message?: string }) => {
  process.stdout.write(`failed ${error.code}\n`);
  process.exitCode = 1;
});
