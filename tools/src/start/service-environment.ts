const HOST = '127.0.0.1';

/** The user's environment without what would mean one thing to all services at once (PORT goes before `*_PORT`). */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PORT: _port, DATABASE_URL: _url, ...rest } = env;
  return { NODE_ENV: 'production', ...rest, HOST };
}

/**
 * What event-generator is told beside: to send to the front door, as any producer does, and to prove itself by the first
 * of the tokens that the gateway takes. What the user sets goes before both.
 */
export function producerEnvironment(env: NodeJS.ProcessEnv, frontDoor: string): NodeJS.ProcessEnv {
  const token = env['GENERATOR_TARGET_TOKEN'] ?? env['INGEST_TOKEN']?.split(',')[0]?.trim();
  return {
    GENERATOR_TARGET_URL: env['GENERATOR_TARGET_URL'] ?? frontDoor,
    ...(token && { GENERATOR_TARGET_TOKEN: token }),
  };
}
