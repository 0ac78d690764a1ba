import { Readable } from 'node:stream';
import pc from 'picocolors';
import { createLineRenderer, levelOf, readLines } from './log-lines';

const render = createLineRenderer(['postgres', 'curation-worker'], pc.createColors(false));
const rendered = (text: string): string => render({ process: 'postgres', text, stream: 'stdout' });

it('shows an entry as one short line', () => {
  const time = new Date(2026, 0, 1, 9, 41, 7).toISOString();
  expect(
    rendered(JSON.stringify({ level: 'warn', time, service: 'postgres', pid: 1, spanId: 'x', msg: 'slow', ms: 12 })),
  ).toBe('09:41:07 postgres        WARN  slow ms=12');
});

it("reads pino's numbers", () => {
  expect(levelOf('{"level":50,"msg":"x"}')).toBe('error');
  expect(levelOf('no entry')).toBe('info');
});

it('shows an error with its cause and without its stack', () => {
  const error = {
    type: 'Error',
    message: 'no',
    code: 'X',
    stack: 'at …',
    cause: { type: 'TypeError', message: 'why' },
  };
  expect(rendered(JSON.stringify({ level: 'error', time: 0, msg: 'failed', error }))).toMatch(
    /ERROR failed X: no \(TypeError: why\)$/,
  );
});

it('shows what is no entry as it is', () => {
  expect(rendered('{not json')).toBe('postgres         {not json');
  expect(rendered('[1]')).toBe('postgres         [1]');
});

it('puts lines together from pieces, the last one without its end', async () => {
  const lines: string[] = [];
  const stream = Readable.from(
    [
      Buffer.from('a\nb'),
      Buffer.from('c\n\xc3', 'latin1'),
      Buffer.from('\xa4', 'latin1'),
      Buffer.from('x'.repeat(70_000)),
      Buffer.from('end'),
    ],
    { objectMode: false },
  );
  readLines(stream, (line) => lines.push(line));
  await new Promise((resolve) => stream.on('end', resolve));
  expect([lines[0], lines[1], lines[2]?.[0], lines.slice(2).join('').length]).toEqual(['a', 'bc', 'ä', 70_004]);
});
