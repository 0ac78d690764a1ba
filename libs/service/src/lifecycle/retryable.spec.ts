import { isRetryable, reasonOf } from './retryable';

const coded = (code: string, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

describe('what may be retried', () => {
  const circular: { cause?: unknown } = {};
  circular.cause = circular;

  it.each([
    ['a refused connection', coded('ECONNREFUSED')],
    ['Postgres starting', coded('57P03')],
    ['Postgres out of connections', coded('53300')],
    ['a connection lost, as pg says it', new Error('Connection terminated unexpectedly')],
    ['a coded error that says so', coded('MESSAGING_UNAVAILABLE', { canRetry: true })],
    ['a cause that may be', new Error('cannot append', { cause: coded('ECONNRESET') })],
    ['every address refused', new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')])],
    ['Prisma without its server', coded('P1001')],
    [
      'a raw query of Prisma without its server',
      coded('P2010', { meta: { driverAdapterError: { cause: { kind: 'DatabaseNotReachable' } } } }),
    ],
  ])('%s', (_, error) => {
    expect(isRetryable(error)).toBe(true);
  });

  it.each([
    ['a bug', new TypeError('x is not a function')],
    ['a constraint', coded('23505')],
    ['a wrong password', coded('28P01')],
    ['a coded error that says it may not', coded('ECONNRESET', { canRetry: false })],
    ['one address of two with a bug', new AggregateError([coded('ECONNREFUSED'), new Error('bug')])],
    ['a unique constraint of Prisma', coded('P2002', { meta: { modelName: 'A' } })],
    ['nothing', undefined],
    ['a circle of causes', circular],
  ])('but not %s', (_, error) => {
    expect(isRetryable(error)).toBe(false);
  });

  it('gives a reason of one bounded line', () => {
    expect(reasonOf(coded('ECONNREFUSED'))).toBe('ECONNREFUSED: x');
    expect(reasonOf(new AggregateError([coded('ECONNREFUSED')]))).toBe('ECONNREFUSED: x');
    expect(reasonOf(new Error(`a\n  b${'c'.repeat(1000)}`))).toMatch(/^a bc{100,}$/);
    expect(reasonOf('text')).toBe('text');
  });
});
