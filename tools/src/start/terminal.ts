import pc from 'picocolors';
import { type ChildLine, createLineRenderer, isProbe, levelOf } from './log-lines';
import type { Millrace } from './millrace';
import { SERVICES } from './services';

export type Level = 'info' | 'warn';

export interface Terminal {
  /** A sentence of the supervisor's own. */
  say(text: string, level?: Level): void;
  line(line: ChildLine): void;
  /** Printed as it is: tables and answers. */
  print(text: string): void;
  readonly colors: ReturnType<typeof pc.createColors>;
}

export interface TerminalOptions {
  readonly jsonLogs: boolean;
  /** Leave out lines below this level. */
  readonly levelMin: Level;
  readonly out?: NodeJS.WritableStream & { isTTY?: boolean };
  /** Called before each line, for whoever draws a progress bar on the same screen. */
  readonly beforeLine?: () => void;
}

const SEVERE = new Set(['warn', 'error', 'fatal']);

export function createTerminal(options: TerminalOptions): Terminal {
  const out = options.out ?? process.stdout;
  const colors = pc.createColors(Boolean(out.isTTY) && pc.isColorSupported);
  const render = createLineRenderer(
    ['millrace', 'postgres', 'front-door', ...SERVICES.map(({ name }) => name)],
    colors,
  );
  const write = (text: string): void => {
    options.beforeLine?.();
    out.write(`${text}\n`);
  };
  return {
    colors,
    print: write,
    line(line) {
      if (!options.jsonLogs && isProbe(line.text)) return;
      if (options.levelMin === 'warn' && !SEVERE.has(levelOf(line.text))) return;
      write(options.jsonLogs ? line.text : render(line));
    },
    say(text, level = 'info') {
      const entry = JSON.stringify({ level, time: new Date().toISOString(), service: 'millrace', msg: text });
      write(options.jsonLogs ? entry : render({ process: 'millrace', text: entry, stream: 'stdout' }));
    },
  };
}

/** What runs where, for a person: shown once everything is ready. */
export function urlTable(millrace: Millrace, colors: Terminal['colors'], readyMs: number): string {
  const rows: [string, string, string][] = [
    ['front door', millrace.url, 'one address for all of it; its page lists the services'],
    ...SERVICES.flatMap(({ name, does }) =>
      millrace.ports.services[name].map((planned): [string, string, string] => [
        planned.process,
        `http://127.0.0.1:${planned.port}`,
        `${does}; /docs`,
      ]),
    ),
    [
      'postgres',
      `postgresql://postgres@127.0.0.1:${millrace.ports.postgres.port}/millrace`,
      `password in ${millrace.folder.root}/secrets.json`,
    ],
    ['data', millrace.folder.root, ''],
  ];
  const widths = [0, 1].map((column) =>
    Math.max(...rows.map((row) => (column === 1 && row[2] === '' ? 0 : (row[column] as string).length))),
  );
  const lines = rows.map(([name, url, note]) =>
    `  ${name.padEnd(widths[0] as number)}  ${colors.cyan(url.padEnd(widths[1] as number))}  ${colors.dim(note)}`.trimEnd(),
  );
  return [
    '',
    colors.bold(`Millrace is ready (${(readyMs / 1000).toFixed(1)} s).`),
    '',
    ...lines,
    '',
    colors.dim('Ctrl-C stops it in order; what was acknowledged is kept.'),
    '',
  ].join('\n');
}
