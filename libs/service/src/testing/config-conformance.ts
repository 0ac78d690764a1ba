import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ConfigSchema, describeConfig, describeMinimalConfig, parseConfig, parseEnvFile } from '..';

/** A service's settings are those that `folder` documents, in `reference.env` and `minimal.env`. */
export function configConformance(config: ConfigSchema, folder: string): void {
  const file = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

  test('the reference documents every setting and is itself a valid environment with the defaults', () => {
    expect(file('reference.env')).toBe(describeConfig(config));
    const reference = parseConfig(config, parseEnvFile(file('reference.env')));
    expect(reference).toEqual(parseConfig(config, parseEnvFile(file('minimal.env'))));
  });

  test('the minimum is what has to be set, and nothing else', () => {
    expect(file('minimal.env')).toBe(describeMinimalConfig(config));
    const minimal = parseEnvFile(file('minimal.env'));
    for (const name of Object.keys(minimal))
      expect(() => parseConfig(config, { ...minimal, [name]: undefined })).toThrow(`${name} is not set`);
  });

  test('every setting is read under its own name', () => {
    const names = Object.values(config.fields).map(({ env }) => env.at(-1) as string);
    expect(new Set(names).size).toBe(names.length);
    const commented = file('reference.env').replaceAll(/^# ([A-Z][A-Z0-9_]*=)/gm, '$1');
    expect(Object.keys(parseEnvFile(commented))).toHaveLength(names.length);
  });
}
