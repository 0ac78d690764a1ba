import type { ConfigSchema } from './config';

const WIDTH = 110;

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return line === '#' ? lines : [...lines, line];
}

const sentence = (text: string) => (text === '' || /[.!?]$/.test(text) ? text : `${text}.`);

/**
 * The text of a service's config/reference.env: every variable with what it is for, what it accepts and its default.
 * Required ones are set to an example, the others are commented out with their default, so the file is itself a valid
 * environment with every setting at its default.
 */
export function describeConfig(schema: ConfigSchema): string {
  const blocks = Object.values(schema.fields).map((setting) => {
    const [name, ...others] = setting.env;
    const also = others.length > 0 ? `Also read from ${others.join(', ')}; ${name} comes first.` : '';
    const kind = setting.required ? 'Required' : setting.defaultText === undefined ? 'Optional' : 'Default';
    const unset = setting.defaultText ?? setting.example;
    const tail = kind === 'Default' ? `Default: ${unset}.` : `${kind}.`;
    const secret = setting.secret ? 'Secret: never printed.' : '';
    const accepts = `Accepts ${setting.accepts.replace(/,$/, '')}.`;
    const lines = wrap([sentence(setting.doc), accepts, tail, also, secret].filter(Boolean).join(' '));
    return [...lines, `${setting.required ? '' : '# '}${name}=${quote(unset)}`].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

/** The text of a service's config/minimal.env: what has to be set, and nothing else. */
export function describeMinimalConfig(schema: ConfigSchema): string {
  return Object.values(schema.fields)
    .filter((setting) => setting.required)
    .map((setting) => `${setting.env[0]}=${quote(setting.example)}\n`)
    .join('');
}

function quote(value: string): string {
  return /^[\w./:@%+,=?&-]*$/.test(value) ? value : `'${value.replaceAll("'", '')}'`;
}
