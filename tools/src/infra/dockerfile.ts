export interface Instruction {
  /** Upper case. */
  readonly name: string;
  /** `--from=build`, `--chown=…`, by name without the dashes. */
  readonly flags: Readonly<Record<string, string>>;
  readonly value: string;
  readonly line: number;
}

export interface Stage {
  readonly name: string;
  /** The image or the earlier stage that it starts from, arguments filled in. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

const KNOWN = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);

/** The instructions of a Dockerfile, continued lines joined, comments dropped. Throws for one that Docker does not know. */
export function parseDockerfile(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  let joined = '';
  let line = 0;
  text.split('\n').forEach((raw, i) => {
    if (/^\s*(#|$)/.test(raw)) return;
    if (joined === '') line = i + 1;
    joined += raw.replace(/\\\s*$/, '');
    if (/\\\s*$/.test(raw)) return;
    const match = /^\s*([A-Za-z]+)\s+([^]*?)\s*$/.exec(joined);
    const name = match?.[1]?.toUpperCase() ?? '';
    if (!match || !KNOWN.has(name)) throw new Error(`line ${line}: ${joined.trim().slice(0, 60)} is no instruction`);
    const flags: Record<string, string> = {};
    const value = (match[2] as string).replace(/^(?:--([\w-]+)(?:=(\S+))?\s+)+/, (all) => {
      for (const [, flag, to] of all.matchAll(/--([\w-]+)(?:=(\S+))?/g)) flags[flag as string] = to ?? '';
      return '';
    });
    instructions.push({ name, flags, value, line });
    joined = '';
  });
  return instructions;
}

/** The stages in order. `args` are build arguments; those of the file before the first FROM have their defaults. */
export function stagesOf(instructions: readonly Instruction[], args: Readonly<Record<string, string>> = {}): Stage[] {
  const global: Record<string, string> = {};
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    const current = stages[stages.length - 1];
    if (instruction.name === 'FROM') {
      const [from, , name] = fill(instruction.value, { ...global, ...args }).split(/\s+/) as [string, string?, string?];
      stages.push({ name: name ?? String(stages.length), from, instructions: [] });
    } else if (current) current.instructions.push(instruction);
    else if (instruction.name === 'ARG') {
      const [name, value] = instruction.value.split('=') as [string, string?];
      global[name] = args[name] ?? value ?? '';
    } else throw new Error(`line ${instruction.line}: ${instruction.name} before the first FROM`);
  }
  return stages;
}

/** Puts values in for `$NAME` and `${NAME}`. Throws for one that has none: Docker would put nothing there and go on. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
    const name = (braced ?? bare) as string;
    const value = values[name];
    if (value === undefined) throw new Error(`${name} has no value`);
    return value;
  });
}

/** `A=1 B="two words"` as a map. */
export function parsePairs(value: string): Record<string, string> {
  const pairs = [...value.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g)];
  return Object.fromEntries(pairs.map(([, name, text]) => [name as string, (text as string).replace(/^"|"$/g, '')]));
}

/**
 * Which files of a build context Docker is not sent, by the lines of .dockerignore (moby's patternmatcher): each is
 * rooted at the context, `*` stays within a segment, `**` goes over any number of them, `!` brings back; the last line
 * that matches a path or a folder above it decides.
 */
export function ignoredBy(text: string): (file: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => {
      const pattern = line.replace(/^!/, '').replace(/^\/|\/$/g, '');
      const source = pattern
        .split(/(\*\*\/|\*\*|\*|\?)/)
        .map(
          (part) =>
            ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' })[part] ??
            part.replace(/[.+^${}()|[\]\\]/g, '\\$&'),
        )
        .join('');
      return { ignores: !line.startsWith('!'), matches: new RegExp(`^${source}(?:/|$)`) };
    });
  return (file) => rules.reduce((ignored, { ignores, matches }) => (matches.test(file) ? ignores : ignored), false);
}
