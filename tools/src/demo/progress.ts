import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number): void;
  /** Wipes the bar off the line so that something else can be written; it is drawn again at the next update. */
  clear(): void;
  stop(): void;
}

/** A bar on a terminal, a line at each quarter elsewhere. */
export function createProgress(what: string, total: number, out: NodeJS.WriteStream = process.stdout): Progress {
  if (!out.isTTY) {
    let quarters = 0;
    return {
      update(done) {
        const now = Math.floor((4 * done) / total);
        if (now > quarters) out.write(`${what}: ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}\n`);
        quarters = Math.max(quarters, now);
      },
      clear: () => undefined,
      stop: () => undefined,
    };
  }
  const bar = new SingleBar(
    {
      format: `${what} {bar} {percentage} % · {value} of {total} · {speed}/s`,
      stream: out,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  const began = performance.now();
  bar.start(total, 0, { speed: '-' });
  return {
    update: (done) =>
      bar.update(done, { speed: Math.round(done / ((performance.now() - began) / 1000)).toLocaleString('en-US') }),
    clear: () => out.write('\r\x1b[K'),
    stop: () => bar.stop(),
  };
}
