import { childEnvironment, producerEnvironment } from './service-environment';

const DOOR = 'http://127.0.0.1:8080';

it('a service does not get what would be all services at once', () => {
  const env = { PATH: '/bin', PORT: '1', DATABASE_URL: 'postgresql://nowhere', HOST: '0.0.0.0' };
  expect(childEnvironment(env)).toEqual({ NODE_ENV: 'production', PATH: '/bin', HOST: '127.0.0.1' });
});

it.each([
  [{}, { GENERATOR_TARGET_URL: DOOR }],
  [{ INGEST_TOKEN: 'new, old' }, { GENERATOR_TARGET_URL: DOOR, GENERATOR_TARGET_TOKEN: 'new' }],
  [
    { INGEST_TOKEN: 'new', GENERATOR_TARGET_TOKEN: 'own', GENERATOR_TARGET_URL: 'https://millrace.example' },
    { GENERATOR_TARGET_URL: 'https://millrace.example', GENERATOR_TARGET_TOKEN: 'own' },
  ],
])('event-generator with %j gets %j', (env, told) => {
  expect(producerEnvironment(env, DOOR)).toEqual(told);
});
