import { createLogger, scrub } from './logger';
import { withTraceparent } from './context';

function capture(options: { level?: 'debug' | 'info'; fields?: string[] } = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    service: 'gateway',
    ...options,
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>, lines };
}

describe('logger', () => {
  it('writes one JSON line with time, level, service and message', () => {
    const { logger, last, lines } = capture();
    logger.info({ batchId: 'b1', events: 3, late: false }, 'landed');
    expect(last()).toMatchObject({
      level: 'info',
      service: 'gateway',
      batchId: 'b1',
      events: 3,
      late: false,
      msg: 'landed',
    });
    expect(new Date(last()['time'] as string).getTime()).toBeGreaterThan(Date.parse('2020-01-01'));
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
  });

  it('lets no payload through: unknown strings are left out by name, objects and buffers reduced to their kind', () => {
    const { logger, last, lines } = capture();
    const body = { card: '4111' };
    logger.info({ email: 'a@b.c', body, raw: Buffer.from('4111'), items: ['4111'], bad: undefined }, 'received');
    expect(last()).toMatchObject({ omitted: 'email', body: '[Object]', raw: '[4 bytes]', items: '[array of 1]' });
    expect(lines.join()).not.toMatch(/4111|a@b\.c/);
  });

  it('allows the strings that a service names', () => {
    const { logger, last } = capture({ fields: ['colour'] });
    logger.info({ colour: 'red' }, 'x');
    expect(last()).toMatchObject({ colour: 'red' });
  });

  it('describes errors with code and cause, and no credentials anywhere', () => {
    const { logger, last, lines } = capture();
    const cause = Object.assign(new Error('connect to postgres://me:hunter2@db:5432/x failed'), {
      code: 'ECONNREFUSED',
    });
    logger.error({ error: new Error('cannot append', { cause }), url: 'https://u:hunter2@host/p' }, 'failed');
    expect(last()).toMatchObject({
      url: 'https://host/p',
      error: { type: 'Error', message: 'cannot append', cause: { code: 'ECONNREFUSED' } },
    });
    expect(lines.join()).not.toContain('hunter2');
  });

  it('survives errors that refer to themselves and huge values', () => {
    const { logger, lines } = capture();
    const error = new Error('x'.repeat(1e6));
    error.cause = error;
    logger.error({ error, reason: 'y'.repeat(1e6) }, 'big');
    expect(lines[0].length).toBeLessThan(60_000);
  });

  it('filters the fields of a child as well, and by level', () => {
    const { logger, last, lines } = capture({ level: 'info' });
    const child = logger.child({ component: 'log', secret: 'hunter2' });
    child.debug('quiet');
    expect([lines.length, child.isLevelEnabled('debug')]).toEqual([0, false]);
    child.warn('loud');
    expect(last()).toMatchObject({ component: 'log', omitted: 'secret', level: 'warn' });
  });

  it('names the active trace in each line', () => {
    const { logger, last } = capture();
    withTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', () => logger.info('in'));
    expect(last()).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' });
    logger.info('out');
    expect(last()).not.toHaveProperty('traceId');
  });

  it('scrubs every URL of a text', () => {
    expect(scrub('a://u:p@h b://x@y c://plain')).toBe('a://h b://y c://plain');
    expect(scrub('postgres://u:p@ss:w@host/db@x')).toBe('postgres://host/db@x');
    const began = performance.now();
    scrub('x'.repeat(1e6) + '://');
    scrub('a://'.repeat(1e5));
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});
