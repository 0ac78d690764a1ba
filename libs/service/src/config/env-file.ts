import { ConfigError } from './config';

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * Reads an env file: `NAME=value` lines, `#` comments, an optional `export`, values bare (a ` #` begins a comment), in
 * single quotes (taken as they are) or in double quotes (with \n, \t, \" and \\). Nothing is expanded.
 * Throws a ConfigError that names each line that is none of these and each name that is set twice.
 */
export function parseEnvFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const match = LINE.exec(line);
    const value = match ? unquote(match[2]) : undefined;
    if (!match || value === undefined) problems.push(`line ${index + 1} is not NAME=value`);
    else if (Object.hasOwn(values, match[1])) problems.push(`line ${index + 1} sets ${match[1]} a second time`);
    else values[match[1]] = value;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return values;
}

function unquote(text: string): string | undefined {
  const single = /^'([^']*)'\s*(?:#.*)?$/.exec(text);
  if (single) return single[1];
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(text);
  if (double) return double[1].replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c));
  if (/^['"]/.test(text)) return undefined;
  return text.replace(/(^|\s+)#.*$/, '').trimEnd();
}
