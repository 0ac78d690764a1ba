import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { accepts, freePorts, startEngine } from './engine-process';
import { installed, orNull, run, startedOrNull } from './installed';

let dir: string;
const before = { ...process.env };

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-engines-spec-'));
  process.env['MILLRACE_ENGINES_DIR'] = dir;
});
afterEach(async () => {
  process.env = { ...before };
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

describe('an installation', () => {
  it('is made once for each recipe', () => {
    const made: string[] = [];
    const get = (version: string): string =>
      installed('thing', [version], (folder) => {
        made.push(version);
        fs.writeFileSync(path.join(folder, 'thing'), version);
      });
    expect(fs.readFileSync(path.join(get('1'), 'thing'), 'utf8')).toBe('1');
    expect(get('1')).toBe(get('1'));
    expect(get('2')).not.toBe(get('1'));
    expect(made).toEqual(['1', '2']);
  });

  it('that fails leaves nothing behind, and is tried again', () => {
    const broken = (): string =>
      installed('thing', ['1'], () => {
        run('sh', ['-c', 'echo no space left >&2; exit 3']);
      });
    expect(broken).toThrow('no space left');
    expect(fs.readdirSync(dir)).toEqual([]);
    expect(installed('thing', ['1'], () => undefined)).toContain('thing-');
  });

  it('is the first one where two are made at once', () => {
    const folder = installed('thing', ['1'], (own) => {
      // Somebody else is quicker.
      installed('thing', ['1'], (other) => fs.writeFileSync(path.join(other, 'who'), 'other'));
      fs.writeFileSync(path.join(own, 'who'), 'me');
    });
    expect([fs.readFileSync(path.join(folder, 'who'), 'utf8'), fs.readdirSync(dir)]).toEqual([
      'other',
      [path.basename(folder)],
    ]);
  });
});

it('what is absent is passed over on a laptop with a printed reason, and fails in CI', async () => {
  const said: string[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const absent = (): never => {
    throw new Error('no Java\nat all');
  };
  delete process.env['CI'];
  expect([orNull('Kafka', absent), await startedOrNull('Kafka', async () => absent())]).toEqual([null, null]);
  expect(said).toEqual(Array(2).fill('Kafka is not at hand (no Java): not asked\n'));
  process.env['CI'] = 'true';
  expect(() => orNull('Kafka', absent)).toThrow('no Java');
  await expect(startedOrNull('Kafka', async () => absent())).rejects.toThrow('no Java');
  jest.restoreAllMocks();
});

describe('an engine', () => {
  const server = (extra = ''): string =>
    `${extra}require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1')`;
  const start = async (script: string) => {
    const [port] = await freePorts(1);
    return startEngine({
      name: 'It',
      command: process.execPath,
      args: ['-e', script, String(port)],
      port,
      ready: accepts,
    });
  };
  const listens = ({ address }: { address: string }): Promise<boolean> => accepts(Number(address.split(':')[1]));

  it('is there once it accepts connections, and gone once it is stopped', async () => {
    const engine = await start(server());
    expect(await listens(engine)).toBe(true);
    await engine.stop();
    expect(await listens(engine)).toBe(false);
    await engine.stop();
  });

  it('is killed at once, whatever it does about other signals', async () => {
    const engine = await start(server("process.on('SIGTERM', () => {});"));
    await engine.kill();
    expect(await listens(engine)).toBe(false);
  });

  it('that ends instead of starting is quoted', async () => {
    await expect(start("console.error('bad option'); process.exit(1)")).rejects.toThrow(
      'It does not start: bad option',
    );
  });

  it('that cannot be run is named', async () => {
    const wrong = { name: 'It', command: path.join(dir, 'nothing'), args: [], port: 1, ready: async () => false };
    await expect(startEngine(wrong)).rejects.toThrow(/It does not start: .*ENOENT/);
  });
});
