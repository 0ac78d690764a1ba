import { assertGuarded } from './binding';

const AUTH = { AUTH_MODE: 'key', INGEST_AUTH_MODE: 'token' };

it.each(['127.0.0.1', '::1', 'localhost', '127.8.8.8'])('takes %s without authentication', (HOST) => {
  expect(assertGuarded({ HOST })).toBe(HOST);
  expect(assertGuarded({ FRONT_DOOR_HOST: HOST, HOST: '127.0.0.1' })).toBe(HOST);
});

it.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])(
  'takes %s with all of it only',
  (HOST) => {
    expect(() => assertGuarded({ HOST })).toThrow('AUTH_MODE and INGEST_AUTH_MODE are none');
    expect(() => assertGuarded({ HOST, AUTH_MODE: 'none', INGEST_AUTH_MODE: 'token' })).toThrow(
      / and AUTH_MODE is none/,
    );
    expect(() => assertGuarded({ FRONT_DOOR_HOST: HOST, AUTH_MODE: 'key' })).toThrow(
      /^FRONT_DOOR_HOST .*INGEST_AUTH_MODE/,
    );
    expect(assertGuarded({ ...AUTH, FRONT_DOOR_HOST: HOST, HOST: '127.0.0.1' })).toBe(HOST);
  },
);

it('takes loopback where nothing is set', () => {
  expect(assertGuarded({})).toBe('127.0.0.1');
  expect(assertGuarded({ FRONT_DOOR_HOST: '', HOST: '' })).toBe('127.0.0.1');
});
