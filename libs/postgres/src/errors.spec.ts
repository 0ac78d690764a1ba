import { Client } from 'pg';
import { isConflict, isDiskFull, isUnavailable, isUnknownOutcome, PostgresError } from './errors';

const withCode = (code: string, message = 'said'): Error => Object.assign(new Error(message), { code });

describe('errors', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', '08006', '57P01', '57P03', '53300', '53100', '25006', '25P03'])(
    '%s means that Postgres is away for now',
    (code) => {
      expect(isUnavailable(withCode(code))).toBe(true);
      expect(isUnavailable(new Error('outer', { cause: withCode(code) }))).toBe(true);
      expect(isUnavailable(new AggregateError([new Error('first'), withCode(code)]))).toBe(true);
    },
  );

  it.each(['23505', '42P01', '22P02', '40001', 'ENOENT', '57014'])('%s is the statement’s own failure', (code) => {
    expect(isUnavailable(withCode(code))).toBe(false);
  });

  it('knows the messages by which pg reports a lost connection', async () => {
    const client = new Client({ host: '127.0.0.1', port: 1 });
    const refused = await client.connect().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isUnavailable(refused)).toBe(true);
    const unusable = await client.query('SELECT 1').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isUnavailable(unusable)).toBe(true);
    expect(isUnavailable(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isUnavailable(new Error('timeout exceeded when trying to connect'))).toBe(true);
    expect(isUnavailable(new Error('Called end on pool more than once'))).toBe(false);
    expect(isUnavailable('ECONNREFUSED')).toBe(false);
  });

  it('tells an unknown outcome from the rest', () => {
    expect(isUnknownOutcome(new PostgresError('POSTGRES_UNKNOWN_OUTCOME', 'lost'))).toBe(true);
    expect(isUnknownOutcome(new Error('outer', { cause: withCode('08007') }))).toBe(true);
    expect(isUnknownOutcome(withCode('57P01'))).toBe(false);
    expect(isConflict(withCode('40P01'))).toBe(true);
    expect(isConflict(withCode('23505'))).toBe(false);
    expect(isDiskFull(withCode('53100'))).toBe(true);
  });

  it('ends on a cause that leads back to itself', () => {
    const error = new Error('round');
    error.cause = error;
    expect(isUnavailable(error)).toBe(false);
  });
});
