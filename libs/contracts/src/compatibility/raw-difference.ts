import type { Difference, FindingRule } from './verdict';

/** A boxed value, since null is a value. */
export interface Example {
  readonly value: unknown;
}

/** A difference below some node, with a value of that node that shows it. */
export interface RawDifference {
  /** Names of fields; null stands for any element of a list or map. */
  readonly segments: readonly (string | null)[];
  readonly rule: FindingRule;
  readonly writer: string;
  readonly reader: string;
  readonly mendReader: string;
  readonly mendWriter: string;
  /** Values that the writer's node may allow and the reader's refuse, the likeliest first; made on demand. */
  readonly examples: () => Iterable<Example>;
  /** Stands for what is found at the place around it that it repeats; no finding of its own. */
  readonly repeated?: true;
}

/** The same difference seen from the node around: `build` puts the inner value into a value of the outer node. */
export function within(
  inner: RawDifference,
  segment: string | null,
  build: (value: unknown) => Example | null,
): RawDifference {
  return {
    ...inner,
    segments: [segment, ...inner.segments],
    examples: function* () {
      for (const { value } of inner.examples()) {
        const outer = build(value);
        if (outer) yield outer;
      }
    },
  };
}

/** At a place that contains itself and is known to differ. */
export const REPEATED: RawDifference = {
  segments: [],
  rule: 'type_changed',
  writer: '',
  reader: '',
  mendReader: '',
  mendWriter: '',
  examples: () => [],
  repeated: true,
};

/** One of each in turn, until all have ended; some never do. */
export function* interleave<T>(sources: readonly (Iterable<T> | null)[]): Generator<T> {
  let open = sources.filter((source) => source !== null).map((source) => source[Symbol.iterator]());
  while (open.length > 0) {
    const next: Iterator<T>[] = [];
    for (const source of open) {
      const { done, value } = source.next();
      if (done) continue;
      yield value;
      next.push(source);
    }
    open = next;
  }
}

/** Differences of one place that say the same are one, with the examples of all. */
export function withoutTwins(differences: readonly RawDifference[]): readonly RawDifference[] {
  const known = new Map<string, RawDifference[]>();
  for (const d of differences) {
    const key = JSON.stringify([d.segments, d.rule, d.writer, d.reader]);
    known.set(key, [...(known.get(key) ?? []), d]);
  }
  return [...known.values()].map((twins) => {
    if (twins.length === 1) return twins[0];
    return {
      ...twins[0],
      examples: () => interleave(twins.map((twin) => twin.examples())),
    };
  });
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** RFC 9535 notation below `root`: `$.payload.items[*].sku`. */
export function differencePath(root: string, segments: readonly (string | null)[]): string {
  return segments.reduce<string>((path, segment) => {
    if (segment === null) return `${path}[*]`;
    return PLAIN.test(segment) ? `${path}.${segment}` : `${path}['${segment.replace(/[\\']/g, '\\$&')}']`;
  }, root);
}

const TRIED_MAX = 64;

/** The first example that shows the difference on both validators, or null. */
export function firstShown(raw: RawDifference, shows: (value: unknown) => boolean): Example | null {
  let tried = 0;
  for (const example of raw.examples()) {
    if (shows(example.value)) return example;
    if (++tried >= TRIED_MAX) break;
  }
  return null;
}

/** @param counterExample already tried on both validators; without one the difference counts as not proved. */
export function toDifference(root: string, raw: RawDifference, counterExample: Example | null): Difference {
  const { rule, writer, reader, mendReader, mendWriter } = raw;
  return {
    path: differencePath(root, raw.segments),
    rule: counterExample ? rule : 'not_proved',
    writer,
    reader: counterExample ? reader : `${reader}, and no event was found that shows it nor could one be excluded`,
    mendReader,
    mendWriter,
    counterExample,
  };
}
