import {
  boolean,
  bytes,
  ConfigError,
  defineConfig,
  describeConfig,
  describeMinimalConfig,
  duration,
  integer,
  number,
  oneOf,
  parseConfig,
  parseEnvFile,
  path,
  port,
  string,
  url,
} from '../index';

const config = defineConfig({
  port: port({ env: ['PORT', 'GATEWAY_PORT'], default: 8081, doc: 'Port to listen on' }),
  databaseUrl: url({
    env: 'DATABASE_URL',
    secret: true,
    schemes: ['postgres:'],
    example: 'postgres://me:pw@127.0.0.1/db',
  }),
  lingerMs: integer({ env: 'LINGER_MS', default: 5, min: 0, max: 1000, unit: 'ms', doc: 'Wait for more.' }),
  bodyBytesMax: bytes({ env: 'BODY_MAX', default: 16 * 1024 * 1024, min: 1024 }),
  windowMs: duration({ env: 'DEDUPE_WINDOW', default: 30 * 86_400_000, max: 90 * 86_400_000 }),
  mode: oneOf({ env: 'MODE', values: ['safe', 'fast'], default: 'safe' }),
  strict: boolean({ env: 'STRICT', default: false }),
  ratio: number({ env: 'RATIO', default: 0.05, min: 0, max: 1 }),
  bucket: string({ env: 'BUCKET', optional: true, pattern: /^[a-z-]+$/ }),
  dataDir: path({ env: 'DATA_DIR', default: '/var/lib/millrace' }),
});

const DATABASE_URL = 'postgres://u:hunter2@db/x';

function problems(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(config, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

describe('config', () => {
  it('has its defaults, and those of every service', () => {
    const parsed = parseConfig(config, { DATABASE_URL });
    // The types are part of the promise: these lines compile only if each setting has its own.
    const types: [number, string, 'safe' | 'fast', boolean, string | undefined] = [
      parsed.port,
      parsed.databaseUrl,
      parsed.mode,
      parsed.strict,
      parsed.bucket,
    ];
    expect(types).toEqual([8081, DATABASE_URL, 'safe', false, undefined]);
    expect(parsed).toMatchObject({ windowMs: 2_592_000_000, bodyBytesMax: 16_777_216, ratio: 0.05, lingerMs: 5 });
    expect(parsed).toMatchObject({
      host: '127.0.0.1',
      logLevel: 'info',
      otlpEndpoint: undefined,
      shutdownMsMax: 30_000,
    });
  });

  it('reads the first variable that is set; one set to nothing is not', () => {
    expect(parseConfig(config, { DATABASE_URL, PORT: '1', GATEWAY_PORT: '2' }).port).toBe(1);
    expect(parseConfig(config, { DATABASE_URL, PORT: '', GATEWAY_PORT: '2' }).port).toBe(2);
  });

  it('names every wrong variable at once, with what it accepts', () => {
    const wrong = problems({ PORT: '70000', LINGER_MS: '5ms', MODE: 'FAST', STRICT: 'yes', DEDUPE_WINDOW: '100d' });
    expect(wrong).toEqual([
      'PORT is "70000"; it accepts a TCP port from 0 to 65535 (0: any free one)',
      'DATABASE_URL is not set; it accepts a URL beginning with postgres://',
      'LINGER_MS is "5ms"; it accepts an integer from 0 to 1000 (ms)',
      'DEDUPE_WINDOW is "100d"; it accepts a duration such as 250ms, 5s, 10m, 2h or 30d, of at most 90d',
      'MODE is "FAST"; it accepts one of safe, fast',
      'STRICT is "yes"; it accepts true or false',
    ]);
  });

  it('never shows a secret', () => {
    expect(problems({ DATABASE_URL: 'mysql://u:hunter2@db/x' })).toEqual([
      'DATABASE_URL has a value (not shown here) that it does not accept; it accepts a URL beginning with postgres://',
    ]);
    expect(describeConfig(config)).not.toContain('hunter2');
  });

  it.each(['127.0.0.1', '::1', 'localhost', '0.0.0.0', 'example.com'])('takes the address %s', (HOST) => {
    expect(problems({ DATABASE_URL, HOST })).toEqual([]);
  });

  it.each([
    ['BODY_MAX', '64KiB', 65_536],
    ['BODY_MAX', '1.5MiB', 1_572_864],
    ['BODY_MAX', '2MB', 2_000_000],
    ['BODY_MAX', '4096', 4096],
    ['DEDUPE_WINDOW', '0', 0],
    ['DEDUPE_WINDOW', '90m', 5_400_000],
    ['DEDUPE_WINDOW', '1.5h', 5_400_000],
  ])('%s=%s is %d', (name, text, value) => {
    const parsed = parseConfig(config, { DATABASE_URL, [name]: text });
    expect(name === 'BODY_MAX' ? parsed.bodyBytesMax : parsed.windowMs).toBe(value);
  });

  it.each([
    ['BODY_MAX', '1 Mib'],
    ['BODY_MAX', '-1'],
    ['BODY_MAX', '0.3B'],
    ['BODY_MAX', '9999999999999999TiB'],
    ['DEDUPE_WINDOW', '30'],
    ['DEDUPE_WINDOW', '1e3s'],
    ['LINGER_MS', '0x10'],
    ['LINGER_MS', '1.0'],
    ['LINGER_MS', ' 1'],
    ['RATIO', 'NaN'],
    ['RATIO', '1.01'],
    ['BUCKET', 'Bucket'],
    ['BUCKET', 'a\nb'],
    ['STRICT', 'constructor'],
    ['DATABASE_URL', 'db'],
  ])('refuses %s=%s', (name, text) => {
    expect(problems({ DATABASE_URL, [name]: text })).toHaveLength(1);
  });

  it('catches wrong definitions', () => {
    expect(() => integer({ env: 'A', default: 5, max: 4 })).toThrow('the default 5 is not an integer of at most 4');
    expect(() => integer({ env: 'a-b' })).toThrow('no name');
    expect(() => defineConfig({ a: integer({ env: 'HOST', default: 1 }) })).toThrow('HOST is read by both host and a');
  });
});

describe('the reference of a config', () => {
  const text = describeConfig(config);

  it('names every variable and its default, and is itself an environment with every default', () => {
    const names = Object.values(config.fields).flatMap((field) => field.env);
    for (const name of names) expect(text).toContain(name);
    const example = parseEnvFile(text);
    expect(parseConfig(config, example)).toEqual(
      parseConfig(config, { DATABASE_URL: 'postgres://me:pw@127.0.0.1/db' }),
    );
  });

  it('has examples and defaults that are accepted once they are uncommented', () => {
    const uncommented = text.replace(/^# ([A-Z][A-Z0-9_]*=)/gm, '$1');
    const env = parseEnvFile(uncommented);
    expect(Object.keys(env)).toHaveLength(Object.keys(config.fields).length);
    expect(() => parseConfig(config, { ...env, BUCKET: 'text' })).not.toThrow();
  });

  it('has a minimal form', () => {
    expect(describeMinimalConfig(config)).toBe('DATABASE_URL=postgres://me:pw@127.0.0.1/db\n');
    expect(() => parseConfig(config, parseEnvFile(describeMinimalConfig(config)))).not.toThrow();
  });
});

describe('env files', () => {
  it('reads bare, quoted and exported values and comments', () => {
    const text = `
# comment
A=1
export B = two words # and a comment
C='single $X # not a comment'
D="line\\nbreak \\"quoted\\"" # comment
E=
F=postgres://u:p@h/d?x=1#frag
`;
    expect(parseEnvFile(text)).toEqual({
      A: '1',
      B: 'two words',
      C: 'single $X # not a comment',
      D: 'line\nbreak "quoted"',
      E: '',
      F: 'postgres://u:p@h/d?x=1#frag',
    });
  });

  it('names each line that is wrong', () => {
    expect(() => parseEnvFile('A=1\nnonsense\nA=2\nB="open')).toThrow(
      'line 2 is not NAME=value\nline 3 sets A a second time\nline 4 is not NAME=value',
    );
  });
});
