import { parseArgs, type ParseArgsConfig } from 'node:util';
import { StartError } from './start-error';

type Options = NonNullable<ParseArgsConfig['options']>;

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

export interface CommandLine {
  /** Shown where help is asked for or something is not understood. */
  readonly usage: string;
  /** Words that may stand without an option's name. Default none. */
  readonly words?: readonly string[];
}

/**
 * Reads a command's options and words, and `--help`.
 *
 * @throws StartError that names what is not understood, with the usage
 */
export function readCommandLine<const T extends Options>(args: readonly string[], options: T, line: CommandLine) {
  const { usage, words = [] } = line;
  const parsed = parse(args, options, usage);
  const unknown = parsed.positionals.find((word) => !words.includes(word));
  if (unknown === undefined) return parsed;
  const known = words.length > 0 ? `there are ${words.join(', ')}` : 'the command takes options only';
  throw new StartError(`There is no ${JSON.stringify(unknown)}; ${known}.\n\n${usage}`);
}

function parse<const T extends Options>(args: readonly string[], options: T, usage: string) {
  try {
    return parseArgs({ args: [...args], options: { ...options, ...HELP }, allowPositionals: true, strict: true });
  } catch (error) {
    // What follows is advice for who writes parsers.
    throw new StartError(`${(error as Error).message.split('. To ')[0]}.\n\n${usage}`);
  }
}

/**
 * A whole number that an option was given.
 *
 * @throws StartError that names the option and the range
 */
export function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
  throw new StartError(`${name} is ${JSON.stringify(text)}; it takes a whole number from ${min} to ${max}.`);
}

/** First port of a range that a command takes. */
export const portBaseOf = (text: string): number => whole('--port-base', text, 1, 65_000);
